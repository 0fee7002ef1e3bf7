-- What came to rest: dead letters (hf.dlq), invalid events and records nobody could read (hf.invalid, hf.dlq).
-- Column names are those of the records, so that what is decoded is what is stored.
-- One row a record: by its position in its incarnation (rule 5), and by delivery, hop and operation, which name one record too.
CREATE TABLE dead_letters (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind           text        NOT NULL CHECK (kind IN ('dead-letter', 'invalid', 'unreadable')),
  state          text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'requeued', 'discarded')),
  topic          text        NOT NULL,
  partition      integer     NOT NULL,
  "offset"       bigint      NOT NULL,
  incarnation    text        NOT NULL,
  delivery       text,
  hop            integer,
  operation      text,
  destination    text,
  source         text        NOT NULL,
  type           text        NOT NULL,
  eventid        text        NOT NULL,
  correlationid  text        NOT NULL,
  entity         text,
  eventposition  text,
  contenttype    text,
  data           bytea       NOT NULL,
  raw            bytea,
  reason         text        NOT NULL,
  class          text,
  status         integer,
  attempts       integer     NOT NULL,
  history        jsonb       NOT NULL,
  faults         jsonb       NOT NULL,
  signature      text        NOT NULL,
  sample         text        NOT NULL,
  deadletteredat timestamptz NOT NULL,
  storedat       timestamptz NOT NULL DEFAULT now(),
  UNIQUE (topic, partition, "offset", incarnation)
);

CREATE UNIQUE INDEX dead_letters_delivery ON dead_letters (delivery, hop, coalesce(operation, '')) WHERE delivery IS NOT NULL;
CREATE INDEX dead_letters_depth ON dead_letters (kind, destination, source, type) WHERE state = 'open';
CREATE INDEX dead_letters_signature ON dead_letters (signature, deadletteredat) WHERE state = 'open';
CREATE INDEX dead_letters_deadletteredat ON dead_letters (deadletteredat, id);
CREATE INDEX dead_letters_eventid ON dead_letters (eventid);
CREATE INDEX dead_letters_correlationid ON dead_letters (correlationid);

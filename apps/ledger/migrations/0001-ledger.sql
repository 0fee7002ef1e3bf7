-- The projection of hf.events and hf.ledger (facts). Everything here can be made again from Kafka; nothing is decided by it.
-- Partitioned by the day of the record's append time (UTC), so that retention is dropping a partition. Partitions are made by
-- the projector when their first record comes. `record` is the value as it stands in Kafka (registry wire format).

-- Where the projector goes on: written in the transaction of the rows, so each record stands once (rule 27).
CREATE TABLE ledger_progress (
  topic       text    NOT NULL,
  partition   integer NOT NULL,
  nextoffset  bigint  NOT NULL,
  PRIMARY KEY (topic, partition)
);

CREATE TABLE ledger_events (
  appendedat    timestamptz NOT NULL,
  position      text        NOT NULL,
  id            text        NOT NULL,
  correlationid text        NOT NULL,
  source        text        NOT NULL,
  type          text        NOT NULL,
  entity        text        NOT NULL,
  revision      text,
  record        bytea       NOT NULL,
  PRIMARY KEY (position, appendedat)
) PARTITION BY RANGE (appendedat);
CREATE INDEX ledger_events_id ON ledger_events (id);
CREATE INDEX ledger_events_correlationid ON ledger_events (correlationid);
CREATE INDEX ledger_events_entity ON ledger_events (entity, appendedat DESC);
CREATE INDEX ledger_events_type ON ledger_events (type, appendedat DESC);
CREATE INDEX ledger_events_source ON ledger_events (source, appendedat DESC);
CREATE INDEX ledger_events_appendedat ON ledger_events (appendedat DESC, position DESC);

CREATE TABLE ledger_facts (
  appendedat    timestamptz NOT NULL,
  position      text        NOT NULL,
  id            text        NOT NULL,
  eventposition text        NOT NULL,
  record        bytea       NOT NULL,
  PRIMARY KEY (position, appendedat)
) PARTITION BY RANGE (appendedat);
CREATE INDEX ledger_facts_id ON ledger_facts (id);
CREATE INDEX ledger_facts_eventposition ON ledger_facts (eventposition);

-- What each event stands at, for search and overviews: one row a destination, and one with destination '' for the event's own
-- verdict. The greatest (hop, weight, at) that was heard of stays, whatever order facts come in.
CREATE TABLE ledger_standings (
  eventposition text        NOT NULL,
  destination   text        NOT NULL,
  id            text        NOT NULL,
  type          text        NOT NULL,
  source        text        NOT NULL,
  verdict       text        NOT NULL,
  hop           integer     NOT NULL,
  weight        integer     NOT NULL,
  at            timestamptz NOT NULL,
  position      text        NOT NULL,
  duplicateof   text,
  class         text,
  reason        text,
  PRIMARY KEY (eventposition, destination)
);
CREATE INDEX ledger_standings_verdict ON ledger_standings (verdict, at DESC);
CREATE INDEX ledger_standings_destination ON ledger_standings (destination, verdict, at DESC);
CREATE INDEX ledger_standings_at ON ledger_standings (at);

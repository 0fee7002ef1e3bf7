-- What operators asked for, and how far it is: one row an operation of hf.commands. Kept for looking at; what is decided stands in Kafka.
CREATE TABLE operations (
  id        text        PRIMARY KEY,
  kind      text        NOT NULL,
  phase     text        NOT NULL CHECK (phase IN ('preview', 'canary', 'ramp', 'done', 'stopped', 'aborted')),
  by        text        NOT NULL,
  reason    text        NOT NULL,
  at        timestamptz NOT NULL,
  total     integer     NOT NULL,
  sent      integer     NOT NULL DEFAULT 0,
  delivered integer     NOT NULL DEFAULT 0,
  failed    integer     NOT NULL DEFAULT 0,
  why       text,
  updatedat timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX operations_at ON operations (at DESC);

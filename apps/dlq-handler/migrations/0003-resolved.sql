-- A dead letter can leave by an operator's word that it was delivered after all.
ALTER TABLE dead_letters DROP CONSTRAINT dead_letters_state_check;
ALTER TABLE dead_letters ADD CONSTRAINT dead_letters_state_check CHECK (state IN ('open', 'requeued', 'discarded', 'resolved'));
CREATE INDEX dead_letters_eventposition ON dead_letters (eventposition, destination) WHERE kind = 'dead-letter';

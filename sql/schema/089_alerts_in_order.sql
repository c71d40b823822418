-- An alert never ends before it begins. One that did was never in force, and still is not: it ends
-- in the moment in which it would have begun. (Closing one that has yet to begin leaves the same.)
UPDATE transit.alerts SET active_until = active_from
WHERE active_until < active_from;

ALTER TABLE transit.alerts
ADD CONSTRAINT alerts_in_order CHECK (active_until >= active_from);

-- Where a view is built anew before it takes the place of the one that is read (`daybook projections
-- rebuild`). The serving role may not create tables, so these stand ready. Whoever changes a table of the
-- views changes its namesake here too.

CREATE SCHEMA daybook_rebuild;

CREATE TABLE daybook_rebuild.view_cursor (LIKE view_cursor INCLUDING ALL);
CREATE TABLE daybook_rebuild.payment (LIKE payment INCLUDING ALL);
CREATE TABLE daybook_rebuild.operation (LIKE operation INCLUDING ALL);
CREATE TABLE daybook_rebuild.refund (LIKE refund INCLUDING ALL);
CREATE TABLE daybook_rebuild.settlement (LIKE settlement INCLUDING ALL);
CREATE TABLE daybook_rebuild.settlement_line (LIKE settlement_line INCLUDING ALL);
CREATE TABLE daybook_rebuild.balance (LIKE balance INCLUDING ALL);
CREATE TABLE daybook_rebuild.parked (LIKE parked INCLUDING ALL);

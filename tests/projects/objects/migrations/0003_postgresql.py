"""What a project makes on PostgreSQL alone, all of it in the search path."""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db import migrations

STATEMENTS = """
CREATE TYPE mood AS ENUM ('calm', 'It''s "odd"', 'wild');
CREATE DOMAIN positive AS integer CONSTRAINT is_positive CHECK (VALUE > 0);
CREATE TYPE pair AS (a positive, b mood);
CREATE TYPE span AS RANGE (subtype = integer, multirange_type_name = spans);
CREATE OPERATOR CLASS odd_class FOR TYPE integer USING hash AS OPERATOR 1 =;
CREATE COLLATION bytes FROM "C";
CREATE SEQUENCE tickets START 1000 INCREMENT 5;
CREATE SEQUENCE "Odd ""name" START 7;
ALTER TABLE objects_item ADD COLUMN feeling mood NOT NULL DEFAULT 'wild', ADD COLUMN worth positive DEFAULT 1,
    ADD COLUMN two pair DEFAULT '(1,calm)';
CREATE INDEX item_feeling ON objects_item (feeling);
CREATE INDEX item_json ON objects_item USING gin (data jsonb_path_ops) WITH (fastupdate = off);
CREATE INDEX item_bytes ON objects_item (title COLLATE bytes);
CREATE STATISTICS item_statistics (dependencies) ON category_id, position FROM objects_item;
COMMENT ON INDEX item_json IS 'asked for by search';
COMMENT ON CONSTRAINT item_price ON objects_item IS 'no gifts';
COMMENT ON CONSTRAINT item_position ON objects_item IS 'checked late';
ALTER TABLE objects_item ADD COLUMN ticket bigint DEFAULT nextval('tickets');
ALTER TABLE objects_item ALTER COLUMN data SET STORAGE EXTERNAL, ALTER COLUMN title SET STATISTICS 500;
ALTER TABLE objects_category REPLICA IDENTITY USING INDEX objects_category_name_key;
ALTER TABLE objects_item CLUSTER ON item_covering;
CREATE TABLE objects_event (at date NOT NULL, what text, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE INDEX event_what ON objects_event (what);
CREATE TABLE objects_event_2026 PARTITION OF objects_event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO objects_event VALUES ('2026-11-22', 'made by a migration');
CREATE VIEW items_of_category AS SELECT c.id, c.name, count(*) AS items
    FROM objects_category c JOIN objects_item i ON i.category_id = c.id GROUP BY c.id;
CREATE MATERIALIZED VIEW cheap AS SELECT id, title, feeling, ticket FROM objects_item WHERE price < 100;
CREATE UNIQUE INDEX cheap_id ON cheap (id);
CREATE MATERIALIZED VIEW a_cheap_count AS SELECT count(*) AS items FROM cheap;
CREATE RULE no_delete AS ON DELETE TO items_of_category DO INSTEAD NOTHING;
CREATE FUNCTION note_item() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO objects_audit (text) VALUES (TG_OP || ' ' || NEW.title); RETURN NEW; END $$;
CREATE TRIGGER note AFTER INSERT OR UPDATE ON objects_item FOR EACH ROW EXECUTE FUNCTION note_item();
CREATE TRIGGER quiet AFTER DELETE ON objects_item FOR EACH ROW EXECUTE FUNCTION note_item();
ALTER TABLE objects_item DISABLE TRIGGER quiet;
ALTER TABLE objects_item ENABLE ALWAYS TRIGGER note;
CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql STABLE SET search_path FROM CURRENT
    AS $$ SELECT count(*) FROM objects_item $$;
CREATE FUNCTION atomic_count() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM objects_item; END;
CREATE PROCEDURE rest() LANGUAGE sql AS $$ SELECT 1 $$;
CREATE AGGREGATE product(integer) (SFUNC = int4mul, STYPE = integer);
CREATE OPERATOR === (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4eq);
CREATE OPERATOR FAMILY odd_family USING btree;
CREATE TEXT SEARCH CONFIGURATION plain (COPY = pg_catalog.simple);
ALTER TABLE objects_item ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON objects_item USING (true);
"""


def on_postgresql(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(STATEMENTS)


class Migration(migrations.Migration):
    dependencies = [("objects", "0002_rows")]
    operations = [migrations.RunPython(on_postgresql, migrations.RunPython.noop)]

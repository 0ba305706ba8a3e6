from django.db import migrations, models

# The table of old becomes the partition of the rest: no row is copied, and the lock is short.
_PARTITIONED = """
ALTER TABLE integrations_event RENAME TO integrations_event_rest;
ALTER TABLE integrations_event_rest DROP CONSTRAINT integrations_event_pkey;
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT indexname FROM pg_indexes
        WHERE schemaname = current_schema() AND tablename = 'integrations_event_rest'
    LOOP EXECUTE format('DROP INDEX %I', name); END LOOP;
END $$;
ALTER TABLE integrations_event_rest ALTER COLUMN id DROP IDENTITY IF EXISTS;
CREATE SEQUENCE integrations_event_id_seq AS bigint;
SELECT setval('integrations_event_id_seq',
    (SELECT coalesce(max(id), 0) + 1 FROM integrations_event_rest), false);
ALTER TABLE integrations_event_rest ALTER COLUMN id SET DEFAULT nextval('integrations_event_id_seq');
CREATE TABLE integrations_event (LIKE integrations_event_rest INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
    PARTITION BY RANGE (received_at);
ALTER SEQUENCE integrations_event_id_seq OWNED BY integrations_event.id;
ALTER TABLE integrations_event ADD PRIMARY KEY (id, received_at);
CREATE INDEX integrations_to_do ON integrations_event (integration_id, id) WHERE processed_at IS NULL;
CREATE INDEX integrations_parked ON integrations_event (id) WHERE lane = 64 AND processed_at IS NULL;
CREATE INDEX integrations_recent ON integrations_event (integration_id, id DESC);
CREATE INDEX integrations_of_key ON integrations_event (dedup_key, id DESC);
CREATE INDEX integrations_at ON integrations_event USING brin (received_at) WITH (autosummarize = on);
ALTER TABLE integrations_event ATTACH PARTITION integrations_event_rest DEFAULT;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0004_fair"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(_PARTITIONED)],
            state_operations=[
                migrations.AlterField(
                    model_name="event",
                    name="integration",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.DO_NOTHING,
                        related_name="events",
                        to="integrations.integration",
                    ),
                ),
                migrations.AddIndex(
                    model_name="event",
                    index=models.Index(fields=["dedup_key", "-id"], name="integrations_of_key"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Spooling",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                ("events", models.PositiveIntegerField()),
                ("share", models.FloatField()),
                ("told", models.BooleanField(default=False)),
            ],
        ),
    ]

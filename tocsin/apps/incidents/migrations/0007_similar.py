from django.db import migrations


class Migration(migrations.Migration):
    """What similar incidents are found by: the nearest titles, and the words of title and summary."""

    dependencies = (("incidents", "0006_suppression"),)

    operations = (
        migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS pg_trgm", migrations.RunSQL.noop),
        migrations.RunSQL(
            "CREATE INDEX incidents_title_near ON incidents_incident USING gist (title gist_trgm_ops)",
            "DROP INDEX incidents_title_near",
        ),
        migrations.RunSQL(
            "CREATE INDEX incidents_words ON incidents_incident"
            " USING gin (to_tsvector('simple', title || ' ' || summary))",
            "DROP INDEX incidents_words",
        ),
        migrations.RunSQL(
            "CREATE INDEX incidents_of_service ON incidents_incident (service_id, declared_at DESC)",
            "DROP INDEX incidents_of_service",
        ),
    )

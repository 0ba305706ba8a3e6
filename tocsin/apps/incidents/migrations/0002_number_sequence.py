from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_initial")]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE incidents_number", "DROP SEQUENCE incidents_number"),
    ]

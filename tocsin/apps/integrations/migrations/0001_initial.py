import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("catalog", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="RouteTree",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("definition", models.JSONField()),
                ("from_file", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="Integration",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=128, unique=True)),
                ("kind", models.CharField(max_length=32)),
                ("key", models.CharField(max_length=32, unique=True)),
                ("severity_map", models.JSONField(default=dict)),
                ("enabled", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField()),
                ("last_event_at", models.DateTimeField(null=True)),
                ("from_file", models.BooleanField(default=False)),
                (
                    "service",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="integrations",
                        to="catalog.service",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event_id", models.CharField(max_length=36)),
                ("kind", models.CharField(blank=True, default="", max_length=32)),
                ("action", models.CharField(max_length=12)),
                ("dedup_key", models.CharField(max_length=512)),
                ("lane", models.SmallIntegerField()),
                ("payload", models.BinaryField()),
                ("count", models.PositiveIntegerField(default=1)),
                ("received_at", models.DateTimeField()),
                ("processed_at", models.DateTimeField(null=True)),
                ("set_aside", models.CharField(blank=True, max_length=512)),
                (
                    "integration",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="events",
                        to="integrations.integration",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("processed_at__isnull", True)),
                        fields=["lane", "id"],
                        name="integrations_waiting",
                    ),
                    models.Index(fields=["integration", "-id"], name="integrations_recent"),
                ],
            },
        ),
    ]

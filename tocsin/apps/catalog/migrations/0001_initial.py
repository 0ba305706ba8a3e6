import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("escalation", "0001_initial"),
        ("identity", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Service",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=128, unique=True)),
                ("severity", models.CharField(blank=True, max_length=8)),
                ("urgency", models.CharField(default="by_severity", max_length=16)),
                ("support_hours", models.JSONField(null=True)),
                ("outside", models.CharField(blank=True, max_length=8)),
                ("raise_at_opening", models.BooleanField(default=False)),
                ("ack_timeout_s", models.PositiveIntegerField(null=True)),
                ("reopen_window_s", models.PositiveIntegerField(default=300)),
                ("tier", models.PositiveSmallIntegerField(null=True)),
                ("description", models.TextField(blank=True)),
                ("links", models.JSONField(default=dict)),
                ("from_file", models.BooleanField(default=False)),
                ("depends_on", models.ManyToManyField(related_name="dependents", to="catalog.service")),
                (
                    "policy",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="services",
                        to="escalation.policy",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="services",
                        to="identity.team",
                    ),
                ),
            ],
        ),
    ]

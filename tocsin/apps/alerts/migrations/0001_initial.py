import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("catalog", "0001_initial"),
        ("integrations", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("dedup_key", models.CharField(max_length=512)),
                ("summary", models.CharField(max_length=1024)),
                ("severity", models.CharField(blank=True, max_length=8)),
                ("urgency", models.CharField(blank=True, max_length=8)),
                ("group_key", models.CharField(max_length=1024)),
                ("labels", models.JSONField(default=dict)),
                ("annotations", models.JSONField(default=dict)),
                ("links", models.JSONField(default=list)),
                ("source", models.CharField(blank=True, max_length=512)),
                ("status", models.CharField(default="firing", max_length=12)),
                ("count", models.PositiveBigIntegerField(default=1)),
                ("started_at", models.DateTimeField(null=True)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
                ("resolved_at", models.DateTimeField(null=True)),
                (
                    "integration",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="alerts",
                        to="integrations.integration",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="alerts",
                        to="catalog.service",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("stage", models.CharField(max_length=24)),
                ("outcome", models.CharField(max_length=255)),
                ("reason", models.CharField(max_length=1024)),
                (
                    "alert",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="decisions",
                        to="alerts.alert",
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["status", "-last_seen_at"], name="alerts_aler_status_1dbe5c_idx"),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "firing")),
                fields=("integration", "dedup_key"),
                name="alerts_one_open",
            ),
        ),
    ]

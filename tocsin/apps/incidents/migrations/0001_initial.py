import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("alerts", "0001_initial"),
        ("catalog", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DeadLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Incident",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.BigIntegerField(unique=True)),
                ("title", models.CharField(max_length=1024)),
                ("summary", models.TextField(blank=True)),
                ("severity", models.CharField(max_length=8)),
                ("initial_severity", models.CharField(max_length=8)),
                ("peak_severity", models.CharField(max_length=8)),
                ("urgency", models.CharField(max_length=8)),
                ("status", models.CharField(max_length=16)),
                ("group_key", models.CharField(blank=True, max_length=1024)),
                ("opened_by", models.CharField(max_length=12)),
                ("started_at", models.DateTimeField(null=True)),
                ("detected_at", models.DateTimeField()),
                ("declared_at", models.DateTimeField(db_index=True)),
                ("acknowledged_at", models.DateTimeField(null=True)),
                ("first_acknowledged_at", models.DateTimeField(null=True)),
                ("mitigated_at", models.DateTimeField(null=True)),
                ("resolved_at", models.DateTimeField(null=True)),
                ("resolved_how", models.CharField(blank=True, max_length=12)),
                ("closed_at", models.DateTimeField(null=True)),
                ("snoozed_until", models.DateTimeField(null=True)),
                ("reopen_count", models.PositiveIntegerField(default=0)),
                ("touched", models.BooleanField(default=False)),
                ("version", models.PositiveIntegerField(default=1)),
                ("held_until", models.DateTimeField(null=True)),
                (
                    "acknowledged_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "commander",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "declared_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "follows",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="followed_by",
                        to="incidents.incident",
                    ),
                ),
                (
                    "merged_into",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="merged",
                        to="incidents.incident",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="incidents",
                        to="catalog.service",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="IncidentAlert",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("joined_at", models.DateTimeField()),
                (
                    "alert",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="incident_link",
                        to="alerts.alert",
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alert_links",
                        to="incidents.incident",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TimelineEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("occurred_at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                ("kind", models.CharField(max_length=32)),
                ("actor_kind", models.CharField(max_length=16)),
                ("actor_label", models.CharField(max_length=255)),
                ("text", models.TextField()),
                ("data", models.JSONField(default=dict)),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="timeline",
                        to="incidents.incident",
                    ),
                ),
            ],
            options={
                "ordering": ("occurred_at", "id"),
            },
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["status", "-declared_at"], name="incidents_i_status_2a3bdd_idx"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["service", "group_key", "-declared_at"], name="incidents_group"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(
                condition=models.Q(("held_until__isnull", False)),
                fields=["held_until"],
                name="incidents_held",
            ),
        ),
    ]

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("identity", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="LastResort",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("email", models.EmailField(max_length=254, unique=True)),
                ("position", models.PositiveIntegerField(default=0)),
                ("from_file", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="SeverityRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=8, unique=True)),
                ("definition", models.JSONField()),
                ("from_file", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="CallOut",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("incident_id", models.BigIntegerField(db_index=True)),
                ("kind", models.CharField(max_length=16)),
                ("label", models.CharField(max_length=255)),
                ("subject", models.JSONField()),
                ("snapshot", models.JSONField()),
                ("state", models.JSONField()),
                ("status", models.CharField(max_length=16)),
                ("due_at", models.DateTimeField(null=True)),
                ("generation", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)),
                        fields=["due_at"],
                        name="escalation_due",
                    )
                ],
            },
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
                ("kind", models.CharField(max_length=24)),
                ("text", models.CharField(max_length=512)),
                ("email", models.CharField(blank=True, max_length=254)),
                ("step", models.IntegerField(null=True)),
                (
                    "call_out",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="decisions",
                        to="escalation.callout",
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="Policy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=128, unique=True)),
                ("definition", models.JSONField()),
                ("from_file", models.BooleanField(default=False)),
                (
                    "team",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.SET_NULL, to="identity.team"
                    ),
                ),
            ],
        ),
    ]

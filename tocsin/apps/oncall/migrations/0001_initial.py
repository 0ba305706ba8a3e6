import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("identity", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Rotation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=128, unique=True)),
                ("definition", models.JSONField()),
                ("position", models.PositiveIntegerField(default=0)),
                ("ring_offset", models.PositiveIntegerField(default=0)),
                ("past", models.JSONField(default=list)),
                ("from_file", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="Override",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("schedule", models.CharField(db_index=True, max_length=128)),
                ("start", models.DateTimeField()),
                ("end", models.DateTimeField()),
                ("kind", models.CharField(default="override", max_length=16)),
                ("created_at", models.DateTimeField()),
                ("created_by", models.CharField(max_length=255)),
                ("from_file", models.BooleanField(default=False)),
                ("position", models.PositiveIntegerField(default=0)),
                (
                    "replaces",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("created_at", "position", "id"),
            },
        ),
        migrations.CreateModel(
            name="Schedule",
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

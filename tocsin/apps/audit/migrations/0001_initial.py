from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField(db_index=True)),
                ("actor_kind", models.CharField(max_length=16)),
                ("actor_id", models.BigIntegerField(null=True)),
                ("actor_label", models.CharField(max_length=255)),
                ("action", models.CharField(db_index=True, max_length=64)),
                ("target_kind", models.CharField(max_length=32)),
                ("target_id", models.CharField(max_length=64)),
                ("target_label", models.CharField(max_length=255)),
                ("data", models.JSONField(default=dict)),
            ],
            options={
                "ordering": ("-id",),
                "indexes": [
                    models.Index(fields=["target_kind", "target_id"], name="audit_audit_target__01b117_idx")
                ],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=255)),
                ("actor", models.CharField(max_length=255)),
                ("path", models.CharField(max_length=512)),
                ("digest", models.CharField(max_length=64)),
                ("status", models.SmallIntegerField()),
                ("body", models.JSONField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("key", "actor", "path"), name="audit_idempotent")
                ],
            },
        ),
    ]

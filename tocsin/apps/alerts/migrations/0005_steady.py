from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0004_source_key"),
        ("catalog", "0002_following"),
        ("integrations", "0005_days"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="alert", name="alerts_aler_status_1dbe5c_idx"),
        migrations.RemoveIndex(model_name="alert", name="alerts_held_firing"),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["status", "-id"], name="alerts_by_status"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=Q(status="resolved"), fields=["integration", "dedup_key", "-id"], name="alerts_over"
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=Q(held_since__isnull=False, status="firing"), fields=["id"], name="alerts_held"
            ),
        ),
        # Room on each page for the next count of what stands there: no other page is written then.
        migrations.RunSQL(
            "ALTER TABLE alerts_alert SET (fillfactor = 70)", "ALTER TABLE alerts_alert RESET (fillfactor)"
        ),
    ]

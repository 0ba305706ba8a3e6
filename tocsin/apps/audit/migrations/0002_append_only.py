from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'The audit log is append-only: % is refused.', TG_OP
                    USING ERRCODE = 'integrity_constraint_violation';
            END
            $$;
            CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit_auditentry
                FOR EACH ROW EXECUTE FUNCTION audit_refuse();
            CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit_auditentry
                FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
            """,
            """
            DROP TRIGGER audit_no_truncate ON audit_auditentry;
            DROP TRIGGER audit_no_change ON audit_auditentry;
            DROP FUNCTION audit_refuse();
            """,
        )
    ]

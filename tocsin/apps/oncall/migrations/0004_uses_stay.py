from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("oncall", "0003_swap_words")]

    operations = [
        migrations.RunSQL(
            """
            CREATE FUNCTION oncall_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'Whom paging used is append-only: % is refused.', TG_OP
                    USING ERRCODE = 'integrity_constraint_violation';
            END
            $$;
            CREATE TRIGGER oncall_use_no_change BEFORE UPDATE OR DELETE ON oncall_shiftuse
                FOR EACH ROW EXECUTE FUNCTION oncall_refuse();
            CREATE TRIGGER oncall_use_no_truncate BEFORE TRUNCATE ON oncall_shiftuse
                FOR EACH STATEMENT EXECUTE FUNCTION oncall_refuse();
            """,
            """
            DROP TRIGGER oncall_use_no_truncate ON oncall_shiftuse;
            DROP TRIGGER oncall_use_no_change ON oncall_shiftuse;
            DROP FUNCTION oncall_refuse();
            """,
        )
    ]

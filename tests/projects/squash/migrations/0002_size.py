from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("squash", "0001_initial")]
    operations = [migrations.AddField("Thing", "size", models.IntegerField(default=1))]

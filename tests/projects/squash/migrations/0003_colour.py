from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("squash", "0001_squashed_0002_size")]
    operations = [migrations.AddField("Thing", "colour", models.CharField(max_length=20, default="red"))]

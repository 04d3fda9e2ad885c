"""Written out by a loop, as the models are."""

from django.db import migrations, models

from tests.projects.many.models import HOW_MANY


def operation(number: int) -> migrations.CreateModel:
    return migrations.CreateModel(
        name=f"Model{number}",
        fields=[
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=20, unique=True)),
            ("text", models.TextField(db_index=True)),
            ("parent", models.ForeignKey(f"many.model{number}", models.CASCADE, null=True, related_name="+")),
            ("others", models.ManyToManyField(to=f"many.model{number}")),
        ],
    )


class Migration(migrations.Migration):
    initial = True
    operations = [operation(number) for number in range(HOW_MANY)]

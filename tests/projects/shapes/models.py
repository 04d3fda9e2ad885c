# ruff: noqa: DJ008 - nobody reads these by name
"""Keys, relations and names of every shape."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import CASCADE


class Person(AbstractUser):
    motto = models.TextField(default="")


class Boss(Person):
    """Its own table, joined to Person's."""

    office = models.CharField(max_length=10)


class Manager(Boss):
    class Meta:
        proxy = True


class Small(models.Model):
    id = models.SmallAutoField(primary_key=True)


class Plain(models.Model):
    id = models.AutoField(primary_key=True)
    parent = models.ForeignKey("self", CASCADE, null=True)


class Emptied(models.Model):
    name = models.CharField(max_length=10)


class Serial(models.Model):
    """Its id is a serial, as Django before 4.1 made it."""

    name = models.CharField(max_length=10, db_comment="a name")


class Code(models.Model):
    code = models.CharField(max_length=10, primary_key=True)


class Unique(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    code = models.OneToOneField(Code, CASCADE)


class Hen(models.Model):
    egg = models.ForeignKey("Egg", CASCADE, null=True, related_name="+")


class Egg(models.Model):
    hen = models.ForeignKey(Hen, CASCADE, null=True, related_name="+")
    plains = models.ManyToManyField(Plain)
    codes = models.ManyToManyField(Code, through="Laid")


class Laid(models.Model):
    egg = models.ForeignKey(Egg, CASCADE)
    code = models.ForeignKey(Code, CASCADE)
    when = models.DateField()


class Keyless(models.Model):
    """Its table is made by RunSQL, on both databases, without a primary key."""

    a = models.IntegerField(primary_key=True)
    b = models.CharField(max_length=10)

    class Meta:
        managed = False
        db_table = "keyless"


class Quoted(models.Model):
    order = models.IntegerField(db_column="order")
    spaced = models.IntegerField(db_column="Has Space")
    year = models.IntegerField(db_column="Année")

    class Meta:
        db_table = '"Quoted Table"'


class Select(models.Model):
    upper = models.IntegerField(db_column="UPPER")
    apostrophe = models.ForeignKey(Quoted, CASCADE, db_column="it's")

    class Meta:
        db_table = "select"


class Accent(models.Model):
    many = models.ManyToManyField(Quoted)

    class Meta:
        db_table = "Été"


class Apostrophe(models.Model):
    class Meta:
        db_table = "it's; a {table}"


class Long(models.Model):
    codes = models.ManyToManyField(Code)
    value = models.IntegerField()

    class Meta:
        db_table = "a_table_whose_name_has_more_than_sixty_three_bytes_because_it_explains"


class ALongNameOfAModelThatPostgresqlWillNotTakeAsItIsWrittenDown(models.Model):
    value = models.IntegerField()


class Elsewhere(models.Model):
    name = models.CharField(max_length=10)

"""The first tables."""

import courses.models
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.comparison
import django.db.models.functions.text
import django.db.models.lookups
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('courses', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Teacher',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('matricule', models.CharField(max_length=20, unique=True, verbose_name='matricule')),
                ('last_name', models.CharField(max_length=100, verbose_name='last name')),
                ('first_name', models.CharField(max_length=100, verbose_name='first name')),
                ('grade', models.CharField(choices=[('PR', 'professor'), ('MCF', 'senior lecturer'), ('PRAG', 'secondary school teacher'), ('ATER', 'temporary lecturer'), ('VAC', 'external lecturer')], max_length=4, verbose_name='grade')),
                ('department', models.CharField(db_index=True, max_length=100, verbose_name='department')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('max_hours', models.DecimalField(decimal_places=2, max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='maximum yearly hours')),
            ],
            options={
                'verbose_name': 'teacher',
                'verbose_name_plural': 'teachers',
                'ordering': ['last_name', 'first_name', 'matricule'],
                'indexes': [models.Index(fields=['last_name', 'first_name'], name='attributions_teacher_by_name')],
                'constraints': [models.CheckConstraint(condition=models.Q(('max_hours__gte', 0)), name='attributions_teacher_hours_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='Attribution',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('component', models.CharField(choices=[('CM', 'CM (lectures)'), ('TD', 'TD (tutorials)'), ('TP', 'TP (laboratory)')], max_length=2, verbose_name='component')),
                ('academic_year', models.CharField(max_length=9, validators=[courses.models.validate_academic_year], verbose_name='academic year')),
                ('load', models.CharField(choices=[('STAT', 'statutory'), ('SUPP', 'overtime')], default='STAT', max_length=4, verbose_name='kind of load')),
                ('hours', models.DecimalField(decimal_places=2, max_digits=6, validators=[django.core.validators.MinValueValidator(Decimal('0.01'), 'Hours are more than 0.')], verbose_name='hours')),
                ('note', models.TextField(blank=True, verbose_name='note')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='attributed on')),
                ('updated_at', models.DateTimeField(auto_now=True, verbose_name='changed on')),
                ('course', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='attributions', to='courses.course', verbose_name='course')),
                ('created_by', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='attributed by')),
                ('teacher', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attributions', to='attributions.teacher', verbose_name='teacher')),
            ],
            options={
                'verbose_name': 'attribution',
                'verbose_name_plural': 'attributions',
                'ordering': ['-academic_year', '-id'],
                'indexes': [models.Index(fields=['-academic_year', '-id'], name='attributions_newest_first')],
                'constraints': [models.UniqueConstraint(fields=('course', 'component', 'academic_year'), name='attributions_one_holder_per_part'), models.CheckConstraint(condition=models.Q(('hours__gt', 0)), name='attributions_hours_positive'), models.CheckConstraint(condition=models.Case(models.When(academic_year__regex='^[0-9]{4}-[0-9]{4}$', then=django.db.models.lookups.Exact(django.db.models.functions.comparison.Cast(django.db.models.functions.text.Substr('academic_year', 6, 4), models.IntegerField()), django.db.models.expressions.CombinedExpression(django.db.models.functions.comparison.Cast(django.db.models.functions.text.Substr('academic_year', 1, 4), models.IntegerField()), '+', models.Value(1)))), default=models.Value(False), output_field=models.BooleanField()), name='attributions_years_in_a_row')],
            },
        ),
    ]

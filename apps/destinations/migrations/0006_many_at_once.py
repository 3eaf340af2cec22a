import django.db.models.deletion
import django.db.models.expressions
import uuid
from django.db import migrations, models

from apps.destinations.states import BULK_TRANSITIONS
from apps.outbox.transitions import transition_trigger


class Migration(migrations.Migration):

    dependencies = [
        ('applications', '0002_initial'),
        ('destinations', '0005_step_by_step'),
    ]

    operations = [
        migrations.CreateModel(
            name='BulkAction',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(choices=[('test', 'test'), ('live', 'live')], max_length=4)),
                ('verb', models.CharField(choices=[('retry', 'retry'), ('replay', 'replay')], max_length=6)),
                ('state', models.CharField(choices=[('PENDING', 'PENDING'), ('RUNNING', 'RUNNING'), ('COMPLETED', 'COMPLETED')], default='PENDING', max_length=9)),
                ('filter', models.JSONField(blank=True, null=True)),
                ('delivery_count', models.PositiveIntegerField()),
                ('done_count', models.PositiveIntegerField(default=0)),
                ('skipped_count', models.PositiveIntegerField(default=0)),
                ('asked_by', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('application', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bulk_actions', to='applications.application')),
            ],
        ),
        migrations.CreateModel(
            name='BulkActionItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('state', models.CharField(choices=[('PENDING', 'PENDING'), ('DONE', 'DONE'), ('SKIPPED', 'SKIPPED')], default='PENDING', max_length=7)),
                ('code', models.CharField(blank=True, default='', max_length=40)),
                ('message', models.TextField(blank=True, default='')),
                ('action', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='destinations.bulkaction')),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bulk_items', to='destinations.delivery')),
                ('made', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='made_by_item', to='destinations.delivery')),
            ],
        ),
        migrations.AddIndex(
            model_name='bulkaction',
            index=models.Index(fields=['application', 'mode', '-created_at', 'id'], name='bulk_actions_list'),
        ),
        migrations.AddIndex(
            model_name='bulkaction',
            index=models.Index(condition=models.Q(('state__in', ['PENDING', 'RUNNING'])), fields=['created_at', 'id'], name='bulk_actions_due'),
        ),
        migrations.AddConstraint(
            model_name='bulkaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('state', 'COMPLETED')), models.Q(models.Q(('state', 'COMPLETED'), _negated=True), ('ended_at__isnull', True)), _connector='OR'), name='bulk_actions_ended_at_with_state'),
        ),
        migrations.AddConstraint(
            model_name='bulkaction',
            constraint=models.CheckConstraint(condition=models.Q(('delivery_count__gte', django.db.models.expressions.CombinedExpression(models.F('done_count'), '+', models.F('skipped_count')))), name='bulk_actions_counts_fit'),
        ),
        migrations.AddConstraint(
            model_name='bulkactionitem',
            constraint=models.UniqueConstraint(fields=('action', 'number'), name='bulk_items_number_once'),
        ),
        migrations.AddConstraint(
            model_name='bulkactionitem',
            constraint=models.UniqueConstraint(fields=('action', 'delivery'), name='bulk_items_delivery_once'),
        ),
        migrations.AddConstraint(
            model_name='bulkactionitem',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'SKIPPED'), models.Q(('code', ''), _negated=True), models.Q(('message', ''), _negated=True)), models.Q(models.Q(('state', 'SKIPPED'), _negated=True), ('code', '')), _connector='OR'), name='bulk_items_skipped_says_why'),
        ),
        migrations.RunSQL(*transition_trigger("destinations_bulkaction", BULK_TRANSITIONS)),
    ]

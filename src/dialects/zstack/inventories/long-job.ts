import { sql } from 'kysely';
import { column, computed } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';
import { commonFields } from './common.ts';

export const longJob = defineInventory<'long_jobs'>({
  name: 'LongJobInventory',
  className: 'org.zstack.header.longjob.LongJobInventory',
  table: 'long_jobs',
  fields: {
    ...commonFields,
    apiId: column('job_id', 'string', 'The job that does it: for its progress.'),
    jobName: column('job_name', 'string', 'The request, as APIAddImageMsg.'),
    jobData: column('job_data', 'string', 'The fields of the request, as JSON.'),
    jobResult: column('job_result', 'string', 'Its answer, as JSON.'),
    state: column('state', 'string', 'Running, Succeeded, Canceling, Canceled or Failed.'),
    targetResourceUuid: column('target_resource_id', 'string', 'What it is about.'),
    executeTime: computed('long', 'Seconds that it took.', (row) => {
      return sql`((${row.column('finished_at')} - ${row.column('created_at')}) / 1000000)`;
    }),
  },
  visible: (row, { projectId = '' }) => sql`${row.column('project_id')} = ${projectId}`,
});

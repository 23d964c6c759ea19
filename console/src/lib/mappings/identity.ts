import { type Body, cli, type Rule, terraform } from './vocabulary.ts';

/** Projects. */
export const identityRules: readonly Rule[] = [
  {
    method: 'POST',
    path: /^\/identity\/v3\/projects$/,
    members: ['name', 'description'],
    map({ project }) {
      const p = project as Body;
      return {
        openstack: cli('project create', [['description', p['description']]], p['name']),
        terraform: terraform('openstack_identity_project_v3', p['name'], {
          name: p['name'],
          description: p['description'],
        }),
      };
    },
  },
];

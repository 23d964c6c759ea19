import type {
  IdentityCreateProjectBody,
  IdentityCreateRoleBody,
  IdentityCreateUserBody,
  IdentityUpdateProjectBody,
  IdentityUpdateUserBody,
} from '../api/bodies.ts';
import { columnsFor } from './columns.tsx';
import { passwordField, removal } from './parts.ts';
import { formOf, type Resource, text, under } from './resource.ts';

const base = '/identity/v3';

export const projects: Resource = {
  kind: 'projects',
  needs: ['users', 'roles'],
  path: () => `${base}/projects`,
  rows: under('projects'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.name(),
      c.plain('description', t('description'), 'minmax(200px, 2fr)'),
      c.plain('domain_id', t('domain')),
      c.flag('enabled', t('enabled')),
    ];
  },
  create: ({ t }) =>
    formOf({
      id: 'create',
      title: t('createProject'),
      fields: [
        { name: 'name', label: t('name'), required: true },
        { name: 'description', label: t('description') },
      ],
      toCall: ({ name, description }) => ({
        method: 'POST',
        path: `${base}/projects`,
        body: { project: { name, description } } satisfies IdentityCreateProjectBody,
      }),
    }),
  actions: (row, context) => {
    const { t, options, session } = context;
    return [
      {
        id: 'grant',
        label: t('giveRole'),
        form: formOf({
          id: 'grant',
          title: t('giveRole'),
          text: text(row, 'name'),
          fields: [
            { name: 'user', label: t('user'), kind: 'select', required: true, options: options('users') },
            { name: 'role', label: t('role'), kind: 'select', required: true, options: options('roles') },
          ],
          toCall: ({ user, role }) => ({
            method: 'PUT',
            path: `${base}/projects/${row.id}/users/${user}/roles/${role}`,
          }),
        }),
      },
      {
        id: 'enabled',
        label: row['enabled'] ? t('disable') : t('enable'),
        call: {
          method: 'PATCH',
          path: `${base}/projects/${row.id}`,
          body: { project: { enabled: !row['enabled'] } } satisfies IdentityUpdateProjectBody,
        },
      },
      removal(
        `${base}/projects/${row.id}`,
        row,
        context.t,
        row.id === session.project.id ? t('why.current') : undefined,
      ),
    ];
  },
};

export const users: Resource = {
  kind: 'users',
  path: () => `${base}/users`,
  rows: under('users'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.name(),
      c.plain('domain_id', t('domain')),
      c.flag('enabled', t('enabled')),
      c.plain('description', t('description')),
    ];
  },
  create: ({ t }) =>
    formOf({
      id: 'create',
      title: t('createUser'),
      fields: [{ name: 'name', label: t('name'), required: true }, passwordField(t)],
      toCall: ({ name, password }) => ({
        method: 'POST',
        path: `${base}/users`,
        body: { user: { name, password } } satisfies IdentityCreateUserBody,
      }),
    }),
  actions: (row, context) => {
    const { t, session } = context;
    return [
      {
        id: 'password',
        label: t('setPassword'),
        form: formOf({
          id: 'password',
          title: t('setPassword'),
          fields: [passwordField(t)],
          toCall: ({ password }) => ({
            method: 'PATCH',
            path: `${base}/users/${row.id}`,
            body: { user: { password } } satisfies IdentityUpdateUserBody,
          }),
        }),
      },
      {
        id: 'enabled',
        label: row['enabled'] ? t('disable') : t('enable'),
        why: row.id === session.user.id ? t('why.self') : undefined,
        call: {
          method: 'PATCH',
          path: `${base}/users/${row.id}`,
          body: { user: { enabled: !row['enabled'] } } satisfies IdentityUpdateUserBody,
        },
      },
      removal(`${base}/users/${row.id}`, row, context.t, row.id === session.user.id ? t('why.self') : undefined),
    ];
  },
};

export const roles: Resource = {
  kind: 'roles',
  path: () => `${base}/roles`,
  rows: under('roles'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [c.name(), c.plain('description', t('description'), 'minmax(240px, 3fr)')];
  },
  create: ({ t }) =>
    formOf({
      id: 'create',
      title: t('createRole'),
      fields: [{ name: 'name', label: t('name'), required: true }],
      toCall: ({ name }) => ({
        method: 'POST',
        path: `${base}/roles`,
        body: { role: { name } } satisfies IdentityCreateRoleBody,
      }),
    }),
  actions: (row, context) => [removal(`${base}/roles/${row.id}`, row, context.t)],
};

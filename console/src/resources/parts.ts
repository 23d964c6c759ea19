import type { FieldSpec } from '../components/form.tsx';
import { formOf, type Row, type RowAction, type Translate, text } from './resource.ts';

const minPassword = 8;

/** The action that deletes what is at `path`, after asking. `why`: why it can't be done now. */
export function removal(path: string, row: Row, t: Translate, why?: string): RowAction {
  const name = text(row, 'name') || text(row, 'floating_ip_address') || row.id;
  const title = t('action.delete');
  return {
    id: 'delete',
    label: title,
    danger: true,
    why,
    form: formOf({
      id: 'delete',
      title,
      text: t('deleteText', { name }),
      danger: true,
      fields: [],
      toCall: () => ({ method: 'DELETE', path }),
    }),
  };
}

export function cidrField(t: Translate): FieldSpec<'cidr'> {
  return {
    name: 'cidr',
    label: 'CIDR',
    required: true,
    placeholder: '10.0.0.0/24',
    check: (value) => (/^[\d.:a-f]+\/\d+$/i.test(value) ? undefined : t('cidrProblem')),
  };
}

export function passwordField(t: Translate): FieldSpec<'password'> {
  return {
    name: 'password',
    label: t('password'),
    kind: 'password',
    required: true,
    check: (value) => (value.length >= minPassword ? undefined : t('passwordProblem', { min: minPassword })),
  };
}

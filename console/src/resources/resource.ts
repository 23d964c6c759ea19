import type { ReactNode } from 'react';
import type { FieldSpec, Values } from '../components/form.tsx';
import type { MenuAction } from '../components/menu.tsx';
import type { Column } from '../components/table.tsx';
import type { ApiCall } from '../lib/api.ts';
import type { Session } from '../lib/session.ts';

export type Row = Record<string, unknown> & { id: string };
export type Translate = (key: string, values?: Record<string, unknown>) => string;

/** What definitions are made with: words, who asks, and other lists to choose from. */
export interface Context {
  t: Translate;
  session: Session;
  options: (list: string) => ReadonlyArray<{ value: string; label: string }>;
}

/** A form of a resource: its fields and the request that they make. */
export interface ResourceForm {
  id: string;
  title: string;
  text?: ReactNode;
  fields: readonly FieldSpec[];
  toCall(values: Values): ApiCall;
  /** What of the answer is to be shown once, as a private key. */
  reveal?: (body: unknown) => string | undefined;
  danger?: boolean;
}

/** A form whose request is made of nothing but its own fields. */
export function formOf<Name extends string>(
  form: Omit<ResourceForm, 'fields' | 'toCall'> & {
    fields: ReadonlyArray<FieldSpec<Name>>;
    toCall: (values: Values<Name>) => ApiCall;
  },
): ResourceForm {
  return form;
}

export interface RowAction extends Pick<MenuAction, 'id' | 'label' | 'danger' | 'why'> {
  /** A request that is made at once … */
  call?: ApiCall;
  /** … or a form that asks for more. */
  form?: ResourceForm;
}

/** A kind of resource, as one value: where it is listed, how it looks, what can be done with it. */
export interface Resource {
  kind: string;
  /** Other lists that its forms choose from. */
  needs?: readonly string[];
  path: (session: Session) => string;
  /** The member of the answer that holds the rows. */
  rows: (body: unknown) => Row[];
  columns: (context: Context) => Array<Column<Row>>;
  create?: (context: Context) => ResourceForm;
  actions?: (row: Row, context: Context) => RowAction[];
  /** The key of the words for a list without rows, where these say more than that there are none. */
  empty?: string;
}

export function text(row: Row, name: string): string {
  const value = row[name];
  return value === null || value === undefined ? '' : String(value);
}

/** The rows under a member of an answer. */
export function under(member: string): (body: unknown) => Row[] {
  return (body) => (body as Record<string, Row[]>)[member] ?? [];
}

/** The same request in the words of other tools, where it means exactly the same. */
export interface Mapping {
  openstack?: string;
  terraform?: string;
  zstack?: (origin: string) => string;
}

/** The body of a request, or a part of it. */
export type Body = Record<string, unknown>;
/** How requests of one kind are said elsewhere. */
export interface Rule {
  method: string;
  path: RegExp;
  /** The members that the form can say; with any other one set there is no exact form. */
  members?: readonly string[];
  map(body: Body, ids: string[]): Mapping | undefined;
}

/** An id as ZStack writes it. */
export const uuid = (id: string) => id.replaceAll('-', '');

function word(value: unknown): string {
  const text = String(value);
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `openstack <command> --option value … <name>`, without options that have no value. */
export function cli(command: string, options: Array<[string, unknown]>, ...names: unknown[]): string {
  const given = options.filter(([, value]) => value !== undefined && value !== '' && value !== false && value !== null);
  const parts = given.map(([name, value]) => (value === true ? `--${name}` : `--${name} ${word(value)}`));
  return ['openstack', command, ...parts, ...names.filter((name) => name !== undefined).map(word)].join(' ');
}

/** A Terraform resource; nested arrays of objects become blocks. */
export function terraform(type: string, name: unknown, members: Body): string {
  const label = String(name ?? 'this').replaceAll(/[^\w-]/g, '_') || 'this';
  return [`resource "${type}" "${label}" {`, ...block(members, '  '), '}'].join('\n');
}

function block(members: Body, indent: string): string[] {
  return Object.entries(members)
    .filter(([, value]) => value !== undefined && value !== '' && value !== null)
    .filter(([, value]) => !Array.isArray(value) || value.length > 0)
    .flatMap(([key, value]) => {
      if (Array.isArray(value) && typeof value[0] === 'object')
        return value.flatMap((one: Body) => [`${indent}${key} {`, ...block(one, `${indent}  `), `${indent}}`]);
      return [`${indent}${key} = ${JSON.stringify(value)}`];
    });
}

/** A call of the ZStack API, as curl makes it. */
export function zstack(method: string, path: string, body?: unknown): (origin: string) => string {
  return (origin) =>
    [
      `curl -X ${method} '${origin}/zstack/v1${path}'`,
      `  -H "Authorization: OAuth $ZSTACK_SESSION"`,
      ...(body === undefined ? [] : [`  -H 'Content-Type: application/json'`, `  -d '${JSON.stringify(body)}'`]),
    ].join(' \\\n');
}

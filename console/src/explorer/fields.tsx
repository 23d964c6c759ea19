import { useTranslation } from 'react-i18next';
import type { Schema } from './catalogue.ts';
import { describedIn } from './descriptions.ts';

const maxDepth = 7;

interface Props {
  schema: Schema | undefined;
  /** The start of every anchor in it, as `body`. */
  anchor: string;
  depth?: number;
}

/** A schema's members as a nested list: name, type, whether it must be there, and what it means. */
export function Fields({ schema, anchor, depth = 0 }: Props) {
  const members = membersOf(schema);
  if (members.length === 0 || depth > maxDepth) return null;
  return (
    <ul className="fields">
      {members.map(({ name, schema: member, required }) => (
        <FieldLine
          key={name}
          name={name}
          schema={member}
          required={required}
          anchor={`${anchor}.${name}`}
          depth={depth}
        />
      ))}
    </ul>
  );
}

interface LineProps {
  name: string;
  schema: Schema;
  required: boolean;
  anchor: string;
  depth?: number;
  text?: string;
}

export function FieldLine({ name, schema, required, anchor, depth = 0, text }: LineProps) {
  const { t, i18n } = useTranslation();
  const words = text ?? schema.description;
  const translated = words && describedIn(words, i18n.language);
  const inner = schema.type === 'array' || schema.items ? schema.items : schema;
  const limits = limitsOf(schema);
  return (
    <li id={anchor}>
      <div className="field-head">
        <code>{name}</code>
        <span className="type">{typeOf(schema)}</span>
        {required && <span className="must">{t('required')}</span>}
        {isNullable(schema) && <span className="type">{t('nullable')}</span>}
        <a className="anchor" href={`#${anchor}`} aria-label={t('linkTo', { name })}>
          #
        </a>
      </div>
      {words && (
        <p className="soft small" lang={translated ? undefined : 'en'}>
          {translated ?? words}
        </p>
      )}
      {limits && <p className="faint small mono">{limits}</p>}
      {depth < maxDepth && <Fields schema={choiceOf(inner)} anchor={anchor} depth={depth + 1} />}
    </li>
  );
}

/** What an object has, with references resolved. Empty for what is no object. */
export function membersOf(schema: Schema | undefined): Array<{ name: string; schema: Schema; required: boolean }> {
  const whole = choiceOf(schema);
  if (!whole) return [];
  const required = new Set(whole.required ?? []);
  return Object.entries(whole.properties ?? {}).map(([name, member]) => ({
    name,
    schema: resolved(member, whole),
    required: required.has(name),
  }));
}

/** Of several forms the one with members; what is null beside it is said by a mark. */
function choiceOf(schema: Schema | undefined): Schema | undefined {
  if (!schema) return undefined;
  if (schema.properties) return schema;
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  const found = choices.map(choiceOf).find((choice) => choice?.properties);
  if (found) return found;
  if (schema.allOf)
    return {
      properties: Object.assign({}, ...schema.allOf.map((part) => part.properties ?? {})),
      required: schema.allOf.flatMap((part) => part.required ?? []),
    };
  return resolved(schema, schema);
}

function resolved(schema: Schema, root: Schema): Schema {
  if (!schema.$ref) return schema;
  return root.$defs?.[schema.$ref.replace(/^#?(\/\$defs\/)?/, '')] ?? schema;
}

function isNullable(schema: Schema): boolean {
  if (Array.isArray(schema.type)) return schema.type.includes('null');
  return [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].some(({ type }) => type === 'null');
}

export function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.items) return `array<${typeOf(schema.items)}>`;
  if (Array.isArray(schema.type)) return schema.type.filter((type) => type !== 'null').join(' | ');
  if (schema.type) return schema.format ? `${schema.type} (${schema.format})` : schema.type;
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].filter(({ type }) => type !== 'null');
  if (choices.length > 0) return [...new Set(choices.map(typeOf))].join(' | ');
  return schema.properties ? 'object' : 'any';
}

function limitsOf(schema: Schema): string {
  const parts = [
    schema.default !== undefined && `default ${JSON.stringify(schema.default)}`,
    schema.minimum !== undefined && `≥ ${schema.minimum}`,
    schema.maximum !== undefined && `≤ ${schema.maximum}`,
    schema.minLength !== undefined && `length ≥ ${schema.minLength}`,
    schema.maxLength !== undefined && `length ≤ ${schema.maxLength}`,
    schema.maxItems !== undefined && `items ≤ ${schema.maxItems}`,
    schema.pattern !== undefined && `/${schema.pattern}/`,
  ];
  return parts.filter(Boolean).join(' · ');
}

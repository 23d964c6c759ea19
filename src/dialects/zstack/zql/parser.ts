import { EmbeddedActionsParser } from 'chevrotain';
import type { Clause, Comparison, Statement } from './ast.ts';
import {
  Close,
  Comma,
  Comparator,
  Dot,
  keywords as k,
  lexer,
  Name,
  Numeral,
  Open,
  Semicolon,
  Text,
  tokens,
  unquoted,
} from './tokens.ts';

/** The grammar of ZQL. Every rule gives what it has read. */
class ZqlParser extends EmbeddedActionsParser {
  constructor() {
    super(tokens, { maxLookahead: 3 });
    this.performSelfAnalysis();
  }

  readonly statements = this.RULE('statements', (): Statement[] => {
    const all: Statement[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: Semicolon, DEF: () => all.push(this.SUBRULE(this.statement)) });
    return all;
  });

  readonly statement = this.RULE('statement', (): Statement => {
    let kind: Statement['kind'] = 'query';
    this.OR([
      { ALT: () => this.CONSUME(k.query) },
      {
        ALT: () => {
          this.CONSUME(k.count);
          kind = 'count';
        },
      },
      {
        ALT: () => {
          this.CONSUME(k.sum);
          kind = 'sum';
        },
      },
    ]);
    const entity = this.CONSUME(Name).image;
    const fields: string[] = [];
    this.OPTION(() => {
      this.CONSUME(Dot);
      this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => fields.push(this.CONSUME2(Name).image) });
    });
    const statement: Statement = {
      kind,
      entity,
      fields,
      restrict: [],
      groupBy: [],
      orderBy: [],
      returnWith: [],
    };
    this.OPTION2(() => {
      this.CONSUME(k.where);
      statement.where = this.SUBRULE(this.disjunction);
    });
    this.MANY(() => this.SUBRULE(this.tail, { ARGS: [statement] }));
    return statement;
  });

  /** What may follow the conditions, in any order. */
  readonly tail = this.RULE('tail', (statement: Statement): void => {
    this.OR([
      { ALT: () => this.SUBRULE(this.restriction, { ARGS: [statement] }) },
      { ALT: () => this.SUBRULE(this.returning, { ARGS: [statement] }) },
      {
        ALT: () => {
          this.CONSUME(k.group);
          this.CONSUME(k.by);
          this.AT_LEAST_ONE_SEP({
            SEP: Comma,
            DEF: () => {
              const name = this.CONSUME(Name).image;
              this.ACTION(() => statement.groupBy.push(name));
            },
          });
        },
      },
      {
        ALT: () => {
          this.CONSUME2(k.by);
          const name = this.CONSUME2(Name).image;
          this.ACTION(() => {
            statement.by = name;
          });
        },
      },
      {
        ALT: () => {
          this.CONSUME(k.order);
          this.CONSUME3(k.by);
          this.AT_LEAST_ONE_SEP2({ SEP: Comma, DEF: () => this.SUBRULE(this.ordering, { ARGS: [statement] }) });
        },
      },
      {
        ALT: () => {
          this.CONSUME(k.limit);
          const number = Number(this.CONSUME(Numeral).image);
          this.ACTION(() => {
            statement.limit = number;
          });
        },
      },
      {
        ALT: () => {
          this.CONSUME(k.offset);
          const number = Number(this.CONSUME2(Numeral).image);
          this.ACTION(() => {
            statement.offset = number;
          });
        },
      },
      {
        ALT: () => {
          this.CONSUME(k.filter);
          this.CONSUME4(k.by);
          const name = this.CONSUME3(Name).image;
          this.ACTION(() => {
            statement.filterBy = name;
          });
        },
      },
      {
        ALT: () => {
          this.CONSUME(k.named);
          this.CONSUME(k.as);
          const text = this.CONSUME(Text).image;
          this.ACTION(() => {
            statement.name = unquoted(text);
          });
        },
      },
    ]);
  });

  readonly restriction = this.RULE('restriction', (statement: Statement): void => {
    this.CONSUME(k.restrict);
    this.CONSUME(k.by);
    this.CONSUME(Open);
    this.AT_LEAST_ONE_SEP({
      SEP: Comma,
      DEF: () => {
        const path = this.SUBRULE(this.path);
        const one = this.SUBRULE(this.comparison, { ARGS: [path] });
        this.ACTION(() => statement.restrict.push(one as Comparison));
      },
    });
    this.CONSUME(Close);
  });

  readonly returning = this.RULE('returning', (statement: Statement): void => {
    this.CONSUME(k.return);
    this.CONSUME(k.with);
    this.CONSUME(Open);
    this.AT_LEAST_ONE_SEP({
      SEP: Comma,
      DEF: () => {
        const path = this.SUBRULE(this.path);
        this.ACTION(() => statement.returnWith.push(path.join('.')));
      },
    });
    this.CONSUME(Close);
  });

  readonly ordering = this.RULE('ordering', (statement: Statement): void => {
    const field = this.CONSUME(Name).image;
    let descending = false;
    this.OPTION(() => {
      this.OR([
        { ALT: () => this.CONSUME(k.asc) },
        {
          ALT: () => {
            this.CONSUME(k.desc);
            descending = true;
          },
        },
      ]);
    });
    this.ACTION(() => statement.orderBy.push({ field, descending }));
  });

  readonly disjunction = this.RULE('disjunction', (): Clause => {
    const parts: Clause[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: k.or, DEF: () => parts.push(this.SUBRULE(this.conjunction)) });
    return parts.length === 1 ? parts[0]! : { or: parts };
  });

  readonly conjunction = this.RULE('conjunction', (): Clause => {
    const parts: Clause[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: k.and, DEF: () => parts.push(this.SUBRULE(this.clause)) });
    return parts.length === 1 ? parts[0]! : { and: parts };
  });

  readonly clause = this.RULE(
    'clause',
    (): Clause =>
      this.OR([
        {
          ALT: () => {
            this.CONSUME(Open);
            const inner = this.SUBRULE(this.disjunction);
            this.CONSUME(Close);
            return inner;
          },
        },
        {
          ALT: () => {
            const path = this.SUBRULE(this.path);
            return this.SUBRULE(this.comparison, { ARGS: [path] });
          },
        },
      ]),
  );

  readonly path = this.RULE('path', (): string[] => {
    const names: string[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: Dot, DEF: () => names.push(this.CONSUME(Name).image) });
    return names;
  });

  readonly comparison = this.RULE(
    'comparison',
    (path: string[]): Clause =>
      this.OR([
        {
          ALT: (): Clause => {
            const operator = this.CONSUME(Comparator).image as Comparison['operator'];
            return { path, operator, values: [this.SUBRULE(this.value)] };
          },
        },
        {
          ALT: (): Clause => {
            this.CONSUME(k.is);
            let operator: Comparison['operator'] = 'is null';
            this.OPTION(() => {
              this.CONSUME(k.not);
              operator = 'is not null';
            });
            this.CONSUME(k.null);
            return { path, operator, values: [] };
          },
        },
        {
          ALT: (): Clause => {
            let negated = false;
            this.OPTION2(() => {
              this.CONSUME2(k.not);
              negated = true;
            });
            return this.SUBRULE(this.belonging, { ARGS: [path, negated] });
          },
        },
      ]),
  );

  readonly belonging = this.RULE(
    'belonging',
    (path: string[], negated: boolean): Clause =>
      this.OR([
        {
          ALT: (): Clause => {
            this.CONSUME(k.like);
            return { path, operator: negated ? 'not like' : 'like', values: [this.SUBRULE(this.value)] };
          },
        },
        {
          ALT: (): Clause => {
            this.OR2([{ ALT: () => this.CONSUME(k.in) }, { ALT: () => this.CONSUME(k.has) }]);
            this.CONSUME(Open);
            const inner = this.SUBRULE(this.members, { ARGS: [path, negated] });
            this.CONSUME(Close);
            return inner;
          },
        },
      ]),
  );

  readonly members = this.RULE(
    'members',
    (path: string[], negated: boolean): Clause =>
      this.OR([
        {
          ALT: (): Clause => ({ path, negated, among: this.SUBRULE(this.statement) }),
        },
        {
          ALT: (): Clause => {
            const values: string[] = [];
            this.AT_LEAST_ONE_SEP({ SEP: Comma, DEF: () => values.push(this.SUBRULE(this.value)) });
            return { path, operator: negated ? 'not in' : 'in', values };
          },
        },
      ]),
  );

  readonly value = this.RULE('value', (): string =>
    this.OR([
      {
        ALT: () => {
          const { image } = this.CONSUME(Text);
          return this.ACTION(() => unquoted(image));
        },
      },
      { ALT: () => this.CONSUME(Numeral).image },
      { ALT: () => this.CONSUME(k.true).image },
      { ALT: () => this.CONSUME(k.false).image },
    ]),
  );
}

const parser = new ZqlParser();

/** The longest text that is read: grammars are for people and programs, not for floods. */
const maxLength = 16_384;

/** Reads ZQL: statements parted by semicolons. Throws `SyntaxError` that says where it went wrong. */
export function parseZql(text: string): Statement[] {
  if (text.length > maxLength) throw new SyntaxError(`a query can have ${maxLength} characters at most`);
  const { tokens: read, errors } = lexer.tokenize(text);
  if (errors[0]) throw new SyntaxError(`at column ${errors[0].column}: unexpected ${text[errors[0].offset]}`);
  // The last statement may end in a semicolon too.
  parser.input = read.at(-1)?.tokenType === Semicolon ? read.slice(0, -1) : read;
  const statements = parser.statements();
  const error = parser.errors[0];
  if (error) {
    const column = Math.max(error.token.startColumn || 0, 0) || text.length + 1;
    throw new SyntaxError(`at column ${column}: unexpected ${error.token.image || 'end'}`);
  }
  return statements;
}

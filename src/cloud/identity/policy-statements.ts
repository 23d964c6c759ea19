/**
 * One line of a policy: which requests it speaks of, by the names of their classes. `*` stands for anything within a part
 * of the name, `**` for anything at all.
 */
export interface PolicyStatement {
  name?: string;
  effect: 'Allow' | 'Deny';
  actions: string[];
}

/** A statement as it reaches a user, with the policy that says it. */
export interface EffectiveStatement extends PolicyStatement {
  policy: { id: string; name: string };
}

export type Verdict = { effect: 'Allow' } | { effect: 'Deny'; policy?: EffectiveStatement['policy'] };

/**
 * Whether statements let a request through, by any of its names. What denies wins over what allows; what nothing speaks of
 * is denied, with no policy to name.
 */
export function judge(statements: readonly EffectiveStatement[], names: readonly string[]): Verdict {
  const speaking = statements.filter(({ actions }) => actions.some((action) => fits(action, names)));
  const denying = speaking.find(({ effect }) => effect === 'Deny');
  if (denying) return { effect: 'Deny', policy: denying.policy };
  return speaking.length > 0 ? { effect: 'Allow' } : { effect: 'Deny' };
}

/** What an action may be written of: a name's letters, dots and stars. */
export const actionPattern = /^[\w.*$]{1,255}$/;

/**
 * Compared by walking both texts at once, not by a regular expression: a pattern of many stars would take a backtracking
 * engine for ever.
 */
function fits(pattern: string, names: readonly string[]): boolean {
  const parts = pattern.match(/\*+|[^*]/g) ?? [];
  return names.some((name) => fitsName(parts, name));
}

function fitsName(parts: readonly string[], name: string): boolean {
  // The lengths of the name's beginnings that the parts so far can stand for.
  let reached = new Set([0]);
  for (const part of parts) {
    const next = new Set<number>();
    for (const at of reached) {
      if (!part.startsWith('*')) {
        if (name[at] === part) next.add(at + 1);
        continue;
      }
      for (let end = at; end <= name.length; end += 1) {
        if (part === '*' && end > at && name[end - 1] === '.') break;
        next.add(end);
      }
    }
    reached = next;
    if (reached.size === 0) return false;
  }
  return reached.has(name.length);
}

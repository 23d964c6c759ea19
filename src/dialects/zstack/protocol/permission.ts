import type { AnyOperation } from '../../../api/operation.ts';
import { judge, type Verdict } from '../../../cloud/identity/policy-statements.ts';
import { isAllowed, type Subject } from '../../../cloud/identity/subject.ts';
import { traitsOf } from './traits.ts';
import { ZStackError } from './zstack-error.ts';

/**
 * Refuses users of accounts what no policy allows them, or one denies. Accounts may do what the operation's own rule says,
 * which is asked elsewhere.
 */
export function requirePermission(subject: Subject | undefined, operation: AnyOperation): void {
  if (!subject?.statements || operation.allow === 'anyone') return;
  const { message, ofUsers } = traitsOf(operation);
  if (ofUsers === 'always') return;
  const api = `operation[API:${message}]`;
  if (ofUsers === 'never') {
    throw new ZStackError('ID.1002', `${api} can be called by an account only, but user[uuid:${subject.userId}] did`);
  }
  refuse(api, verdictOn(subject, message));
}

/** Refuses users of accounts the rows of an inventory that they may not query: ZQL reaches them all by one operation. */
export function requireReading(subject: Subject, className: string): void {
  if (!subject.statements) return;
  const message = className.replace(/(\w+)Inventory$/, 'APIQuery$1Msg');
  refuse(`operation[API:${message}]`, verdictOn(subject, message));
}

/** Whether a request of this kind would be let through. */
export function mayCall(subject: Subject, operation: AnyOperation): boolean {
  if (!isAllowed(subject, operation.allow)) return false;
  try {
    requirePermission(subject, operation);
    return true;
  } catch {
    return false;
  }
}

function verdictOn({ statements = [] }: Subject, message: string): Verdict {
  return judge(statements, [message, message.slice(message.lastIndexOf('.') + 1)]);
}

function refuse(api: string, verdict: Verdict): void {
  if (verdict.effect === 'Allow') return;
  const why = verdict.policy
    ? `is denied by the policy[name:${verdict.policy.name}, uuid:${verdict.policy.id}]`
    : 'is denied by default, no policy of the user allows it';
  throw new ZStackError('ID.1002', `${api} ${why}`);
}

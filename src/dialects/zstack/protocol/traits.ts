import type { TObject } from 'typebox';
import type { AnyOperation } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { InventoryDefinition } from '../../../cloud/query/inventory.ts';
import type { ErrorBody } from './error-codes.ts';

/** What the dialect knows of an operation beyond what all dialects know of theirs. */
export interface Traits {
  /** The server's class name of the request, which validation texts name: `org.zstack.header.image.APIAddImageMsg`. */
  message: string;
  /** Further names for the body's key, of older documents. */
  bodyKeyAliases?: readonly string[];
  /** Whether a body that says only `params`, instead of naming its action, can mean nothing but this operation. */
  fitsPlainParams?: (params: Record<string, unknown>) => boolean;
  /**
   * What users of an account have to do with it: `always` what everyone has for oneself, `never` what is the account's own
   * matter whatever policies say; else policies decide.
   */
  ofUsers?: 'always' | 'never';
  /** Seconds the operation may take before its job counts as failed. */
  timeoutSeconds: number;
  /** The inventory that the job's answer shows. */
  result?: InventoryDefinition;
  /** What the job's answer looks like. */
  response?: TObject;
  /** The job's answer, where it is neither an inventory nor known when the job begins: of what `uuid` names. */
  answer?: (cloud: Cloud, uuid: string) => Promise<Record<string, unknown>>;
  /** The failure that users see when the action behind the job fails. */
  describeFailure?: (cause: ErrorBody, about: Readonly<Record<string, string>>) => ErrorBody;
}

const traits = new WeakMap<AnyOperation, Traits>();
const byId = new Map<string, Traits>();
const byMessage = new Map<string, AnyOperation>();

export function giveTraits(operation: AnyOperation, given: Traits): AnyOperation {
  traits.set(operation, given);
  byId.set(operation.id, given);
  byMessage.set(given.message.split('.').at(-1)!, operation);
  return operation;
}

export function traitsOf(operation: AnyOperation): Traits {
  const found = traits.get(operation);
  if (!found) throw new Error(`${operation.id} was not made by the dialect's own helper`);
  return found;
}

/** By the simple name of the server's class, as `APIAddImageMsg`: for long jobs, which name requests so. */
export function operationOfMessage(name: string): AnyOperation | undefined {
  return byMessage.get(name);
}

/** The operations that there are, with the full name of the class of their request. */
export function offeredMessages(): Array<{ id: string; message: string }> {
  return [...byMessage.values()].map((operation) => ({ id: operation.id, message: traitsOf(operation).message }));
}

/** By operation id: for jobs, which outlive the process that began them. */
export function traitsOfId(id: string): Traits | undefined {
  return byId.get(id);
}

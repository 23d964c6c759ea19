import { type Failure, type FailureAnswer, InvalidRequest, NoSuchOperation } from '../../../api/dialect.ts';
import { CloudError } from '../../../cloud/errors.ts';

/** Numbers of errors that the reference tells. */
export const errorCodes = {
  imageMissing: 40001,
  imageInvalid: 40002,
  containerMissing: 40003,
  containerInvalid: 40004,
  projectUnknown: 40005,
  startInvalid: 40035,
  limitInvalid: 40036,
} as const;

/** A refusal with a number of the reference's. */
export class TransferRefused extends CloudError {
  readonly number: number;
  constructor(number: number, message: string, cause?: unknown) {
    super('invalid', message, { cause });
    this.number = number;
  }
}

const fields: Record<string, number> = {
  'image_id required': errorCodes.imageMissing,
  image_id: errorCodes.imageInvalid,
  'storage_container required': errorCodes.containerMissing,
  storage_container: errorCodes.containerInvalid,
  start: errorCodes.startInvalid,
  limit: errorCodes.limitInvalid,
};

/** The statuses that the reference names: everything else about a request is 400. */
const statuses: Partial<Record<CloudError['code'], number>> = {
  unauthenticated: 401,
  forbidden: 403,
  quota_exceeded: 403,
  unavailable: 503,
};

/** `{error_code, error_message}`. A number that the reference does not tell is the status, and two noughts. */
export function fail({ error }: Failure): FailureAnswer {
  if (error instanceof TransferRefused) return answer(400, error.number, error.message);
  if (error instanceof CloudError) {
    const status = error.details.reason === 'no_such_job' ? 404 : (statuses[error.code] ?? 400);
    return answer(status, status * 100, error.message);
  }
  if (error instanceof InvalidRequest) {
    const missing = String(error.ruleParams['missingProperty'] ?? '');
    const known = error.rule === 'required' ? fields[`${missing} required`] : fields[error.field];
    return answer(400, known ?? 40000, error.message);
  }
  if (error instanceof NoSuchOperation) {
    const status = error.what === 'method' ? 405 : 404;
    return answer(status, status * 100, error.message);
  }
  return answer(500, 50000, error.message);
}

function answer(status: number, number: number, message: string): FailureAnswer {
  return { status, body: { error_code: String(number), error_message: message } };
}

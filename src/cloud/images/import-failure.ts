import { SourceError } from '../../image-sources/source.ts';
import { CloudError } from '../errors.ts';
import { receiveFailure } from './receive.ts';

/** What is refused once is refused always; a server that does not answer may do so in a moment. */
export function importFailure(error: unknown): Error {
  if (error instanceof SourceError && error.code === 'refused') {
    return new ImportFailed('invalid', error.message, { reason: 'url_refused', cause: error });
  }
  if (error instanceof SourceError) return new CloudError('unavailable', error.message, { cause: error });
  const failure = receiveFailure(error);
  const mayHelp = failure.code === 'unavailable' || failure.details.reason === 'source_failed';
  return mayHelp ? failure : new ImportFailed(failure.code, failure.message, failure.details);
}

/** A failure that another try would not mend. */
class ImportFailed extends CloudError {
  readonly retryable = false;
}

import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Badge, Code, CopyButton, PageHead } from '../components/basics.tsx';
import { Samples } from '../components/samples.tsx';
import { forgetCalls, type RecordedCall, useRecordedCalls } from '../lib/recorder.ts';
import { sample } from '../lib/samples.ts';

/** Every call behind the clicks of this tab: to read, to copy, and to replay as a script. */
export function Recorder() {
  const { t } = useTranslation();
  const calls = useRecordedCalls();
  const [changesOnly, setChangesOnly] = useState(true);
  const [open, setOpen] = useState<number>();
  const shown = changesOnly ? calls.filter(changes) : calls;
  return (
    <div className="page">
      <PageHead title={t('recorder')} text={t('recorderText')}>
        <label className="check">
          <input type="checkbox" checked={changesOnly} onChange={(event) => setChangesOnly(event.target.checked)} />
          {t('changesOnly')}
        </label>
        <CopyButton text={script(shown)} label={t('copyScript')} />
        <button type="button" className="button" onClick={forgetCalls}>
          {t('forget')}
        </button>
      </PageHead>
      {shown.length === 0 && <div className="card empty">{t('nothingRecorded')}</div>}
      <ul className="stack">
        {shown.map((call) => (
          <li key={call.id} className="card">
            <button
              type="button"
              className="action-head"
              aria-expanded={open === call.id}
              onClick={() => setOpen(open === call.id ? undefined : call.id)}
            >
              <span className="verb" data-verb={call.method}>
                {call.method}
              </span>
              <span className="mono small" style={{ overflowWrap: 'anywhere' }}>
                {call.path}
              </span>
              <span style={{ flex: 1 }} />
              <Badge tone={call.status < 400 ? 'good' : 'bad'}>{call.status}</Badge>
              <span className="soft small number">{Math.round(call.milliseconds)} ms</span>
            </button>
            {open === call.id && (
              <div className="body stack">
                {call.body !== undefined && (
                  <Code text={JSON.stringify(call.body, undefined, 2)} label={t('requestBody')} />
                )}
                <Samples call={call} all />
              </div>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Dry runs, which forms make while one chooses, change nothing. */
function changes({ method, headers }: RecordedCall): boolean {
  return method !== 'GET' && !('Unkai-Dry-Run' in headers);
}

/** A shell script that makes the same calls again, the oldest first. */
function script(calls: readonly RecordedCall[]): string {
  const lines = calls.toReversed().map((call) => sample('curl', call, location.origin));
  return ['#!/bin/sh', 'set -eu', ': "$' + '{OS_TOKEN:?a token of the cloud}"', '', ...lines].join('\n');
}

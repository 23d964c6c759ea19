import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Notice } from '../components/basics.tsx';
import { Dialog } from '../components/dialog.tsx';
import { Field } from '../components/form.tsx';
import { toast } from '../components/toast.tsx';
import { messageOf, send } from '../lib/api.ts';
import { bytes } from '../lib/format.ts';
import { record } from '../lib/recorder.ts';
import { session } from '../lib/session.ts';

const formats = ['qcow2', 'raw', 'iso', 'vmdk', 'vdi', 'vhd', 'vhdx'];

/** Sends a file of the browser's machine to the cloud, and shows how far it is. */
export function UploadImage({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog open={open} onClose={onClose} title={t('uploadImage')} text={t('uploadText')}>
      {open && <UploadForm onClose={onClose} />}
    </Dialog>
  );
}

function UploadForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [file, setFile] = useState<File>();
  const [name, setName] = useState('');
  const [format, setFormat] = useState('qcow2');
  const [sent, setSent] = useState<number>();
  const [problem, setProblem] = useState<string>();
  const request = useRef<XMLHttpRequest>(undefined);
  const choose = (chosen: File | undefined) => {
    setFile(chosen);
    if (!chosen) return;
    setName(name || chosen.name.replace(/\.\w+$/, ''));
    const extension = chosen.name.split('.').pop()?.toLowerCase() ?? '';
    if (formats.includes(extension)) setFormat(extension);
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!file || !name) return setProblem(t('chooseFile'));
    setProblem(undefined);
    setSent(0);
    let id = '';
    try {
      const body = { name, disk_format: format, container_format: 'bare' };
      id = (await send<{ id: string }>({ method: 'POST', path: '/image/v2/images', body })).body.id;
      await upload(id, file, request, setSent, { broke: t('uploadBroke'), ended: t('uploadEnded') });
      toast('good', t('uploaded', { name }));
      onClose();
    } catch (error) {
      setProblem((error as Error).message);
      // Nothing is left behind of an upload that broke.
      if (id) await send({ method: 'DELETE', path: `/image/v2/images/${id}` }).catch(() => undefined);
    } finally {
      setSent(undefined);
      await client.invalidateQueries({ queryKey: ['images'] });
    }
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <div className="content-body">
        <div className="field">
          <label htmlFor="image-file">{t('file')}</label>
          <input id="image-file" className="input" type="file" onChange={(event) => choose(event.target.files?.[0])} />
        </div>
        <Field
          spec={{ name: 'name', label: t('name'), required: true }}
          value={name}
          onChange={(value) => setName(String(value))}
        />
        <Field
          spec={{
            name: 'format',
            label: t('format'),
            kind: 'select',
            required: true,
            options: formats.map((one) => ({ value: one, label: one })),
          }}
          value={format}
          onChange={(value) => setFormat(String(value))}
        />
        {sent !== undefined && file && (
          <div>
            <div
              className="progress-line"
              role="progressbar"
              aria-label={t('uploadImage')}
              aria-valuenow={Math.round((sent / file.size) * 100)}
              aria-valuemin={0}
              aria-valuemax={100}
            >
              <i style={{ width: `${(sent / Math.max(1, file.size)) * 100}%` }} />
            </div>
            <p className="small soft number">
              {bytes(sent)} / {bytes(file.size)}
            </p>
          </div>
        )}
        {problem && <Notice tone="bad">{problem}</Notice>}
      </div>
      <footer>
        <button
          type="button"
          className="button"
          onClick={() => {
            request.current?.abort();
            onClose();
          }}
        >
          {t('cancel')}
        </button>
        <button type="submit" className="button primary" disabled={sent !== undefined}>
          {problem && file ? t('uploadAgain') : t('uploadImage')}
        </button>
      </footer>
    </form>
  );
}

/** `fetch` can't tell how far an upload is; XMLHttpRequest can. */
function upload(
  id: string,
  file: File,
  holder: { current: XMLHttpRequest | undefined },
  onSent: (count: number) => void,
  words: { broke: string; ended: string },
): Promise<void> {
  const path = `/image/v2/images/${id}/file`;
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    holder.current = request;
    request.open('PUT', path);
    request.setRequestHeader('X-Auth-Token', session()?.token ?? '');
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.upload.onprogress = ({ loaded }) => onSent(loaded);
    request.onerror = () => reject(new Error(words.broke));
    request.onabort = () => reject(new Error(words.ended));
    request.onload = () => {
      record({
        at: Date.now(),
        method: 'PUT',
        path,
        headers: {},
        status: request.status,
        milliseconds: performance.now() - started,
      });
      if (request.status < 300) return resolve();
      reject(new Error(messageOf(request.responseText) ?? String(request.status)));
    };
    request.send(file);
  });
}

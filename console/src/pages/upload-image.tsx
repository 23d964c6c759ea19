import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Notice } from '../components/basics.tsx';
import { Dialog } from '../components/dialog.tsx';
import { Field } from '../components/form.tsx';
import { toast } from '../components/toast.tsx';
import { bytes } from '../lib/format.ts';
import { type DiskFormat, dropUpload, findUpload, type UploadProgress, uploadImage } from '../lib/image-upload.ts';

const formats: readonly DiskFormat[] = ['qcow2', 'raw', 'iso', 'vmdk', 'vdi', 'vhd', 'vhdx'];

/** Sends a file of the browser's machine to the cloud, and shows how far it is. What breaks off goes on later. */
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
  const [format, setFormat] = useState<DiskFormat>('qcow2');
  const [progress, setProgress] = useState<UploadProgress>();
  /** How much of the file is there from an attempt before. */
  const [kept, setKept] = useState<number>();
  const [problem, setProblem] = useState<string>();
  const stop = useRef<AbortController>(undefined);
  useEffect(() => () => stop.current?.abort(), []);
  const choose = async (chosen: File | undefined) => {
    setFile(chosen);
    setProblem(undefined);
    if (!chosen) return setKept(undefined);
    setName(name || chosen.name.replace(/\.\w+$/, ''));
    const extension = chosen.name.split('.').pop()?.toLowerCase() ?? '';
    const known = formats.find((one) => one === extension);
    if (known) setFormat(known);
    setKept((await findUpload(chosen))?.offset);
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!file || !name) return setProblem(t('chooseFile'));
    setProblem(undefined);
    const controller = new AbortController();
    stop.current = controller;
    try {
      await uploadImage(file, { name, format }, setProgress, controller.signal);
      toast('good', t('uploaded', { name }));
      onClose();
    } catch (error) {
      if (!controller.signal.aborted) setProblem((error as Error).message);
      setKept((await findUpload(file))?.offset);
    } finally {
      setProgress(undefined);
      await client.invalidateQueries({ queryKey: ['images'] });
    }
  };
  const discard = async () => {
    stop.current?.abort();
    if (file && kept !== undefined) await dropUpload(file).catch((error: Error) => toast('bad', error.message));
    onClose();
    await client.invalidateQueries({ queryKey: ['images'] });
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      <div className="content-body">
        <div className="field">
          <label htmlFor="image-file">{t('file')}</label>
          <input
            id="image-file"
            className="input"
            type="file"
            disabled={progress !== undefined}
            onChange={(event) => void choose(event.target.files?.[0])}
          />
        </div>
        <Field
          spec={{ name: 'name', label: t('name'), required: true }}
          value={name}
          onChange={(value) => setName(value)}
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
          onChange={(value) => setFormat(value as DiskFormat)}
        />
        {file && progress && <Progress file={file} progress={progress} />}
        {problem && <Notice tone="bad">{problem}</Notice>}
        {file && !progress && kept !== undefined && (
          <Notice tone="warn">{t('uploadKept', { at: bytes(kept), size: bytes(file.size) })}</Notice>
        )}
      </div>
      <footer>
        {progress?.phase === 'sending' || progress?.phase === 'waiting' ? (
          <button type="button" className="button" onClick={() => stop.current?.abort()}>
            {t('uploadPause')}
          </button>
        ) : (
          <button type="button" className="button" onClick={() => void discard()}>
            {t(kept === undefined ? 'cancel' : 'uploadDiscard')}
          </button>
        )}
        <button type="submit" className="button primary" disabled={progress !== undefined}>
          {t(kept === undefined ? 'uploadImage' : 'uploadContinue')}
        </button>
      </footer>
    </form>
  );
}

function Progress({ file, progress: { phase, sent } }: { file: File; progress: UploadProgress }) {
  const { t } = useTranslation();
  const share = Math.min(100, (sent / Math.max(1, file.size)) * 100);
  return (
    <div>
      <div
        className="progress-line"
        role="progressbar"
        aria-label={t('uploadImage')}
        aria-valuenow={Math.round(share)}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <i style={{ width: `${share}%` }} />
      </div>
      <p className="small soft number" role="status">
        {phase === 'sending' ? `${bytes(Math.min(sent, file.size))} / ${bytes(file.size)}` : t(`upload.${phase}`)}
      </p>
    </div>
  );
}

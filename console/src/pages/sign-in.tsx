import { useMutation } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Notice } from '../components/basics.tsx';
import { InputField } from '../components/input-field.tsx';
import { type Language, languages, setLanguage } from '../i18n/index.ts';
import { ApiError } from '../lib/api.ts';
import { NoProject, PasscodeWanted, signIn } from '../lib/sign-in.ts';

export function SignIn() {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const { next } = useSearch({ strict: false }) as { next?: string };
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  /** Undefined as long as none is wanted. */
  const [passcode, setPasscode] = useState<string>();
  const enter = useMutation({
    mutationFn: () => signIn(name, password, passcode),
    meta: { isQuiet: true },
    onError: (error) => {
      if (error instanceof PasscodeWanted) setPasscode('');
    },
    onSuccess: () => navigate({ to: (next ?? '/ui/home') as '/', replace: true }),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    enter.mutate();
  };
  return (
    <div className="sign-in">
      <aside className="sea">
        <h1>
          Unkai <span lang="ja">雲海</span>
        </h1>
        <p>{t('tagline')}</p>
        <Sea />
      </aside>
      <main>
        <form onSubmit={submit}>
          <h1>{t('signIn')}</h1>
          <InputField
            id="name"
            title={t('userName')}
            autoComplete="username"
            value={name}
            onChange={(event) => {
              setName(event.target.value);
              setPasscode(undefined);
            }}
          />
          <InputField
            id="password"
            title={t('password')}
            hint={t('passwordHint')}
            type="password"
            autoComplete="current-password"
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
          {passcode !== undefined && (
            <InputField
              id="passcode"
              title={t('passcode')}
              hint={t('passcodeHint')}
              inputMode="numeric"
              autoComplete="one-time-code"
              // It appears as what is asked for next.
              autoFocus
              value={passcode}
              onChange={(event) => setPasscode(event.target.value.trim())}
            />
          )}
          {enter.error && !(enter.error instanceof PasscodeWanted) && (
            <Notice tone="bad">{wordsFor(enter.error, passcode !== undefined, t)}</Notice>
          )}
          <button type="submit" className="button primary" disabled={enter.isPending}>
            {t('signIn')}
          </button>
          <fieldset className="row languages">
            <legend className="visually-hidden">{t('language')}</legend>
            {Object.entries(languages).map(([tag, title]) => (
              <button
                key={tag}
                type="button"
                lang={tag}
                className="button ghost small"
                aria-pressed={i18n.language === tag}
                onClick={() => void setLanguage(tag as Language)}
              >
                {title}
              </button>
            ))}
          </fieldset>
          <a href="/explorer" className="small">
            {t('explorerWithoutSignIn')}
          </a>
        </form>
      </main>
    </div>
  );
}

function wordsFor(error: Error, hadPasscode: boolean, t: (key: string) => string): string {
  if (error instanceof NoProject) return t('noProject');
  if (!(error instanceof ApiError) || error.status !== 401) return error.message;
  return t(hadPasscode ? 'wrongPasscode' : 'wrongPassword');
}

/** A sea of clouds with a summit above it. */
function Sea() {
  return (
    <svg viewBox="0 0 800 420" preserveAspectRatio="xMidYMax slice" aria-hidden="true">
      <defs>
        <linearGradient id="haze" x1="0" y1="0" x2="0" y2="1">
          <stop stopColor="#14366f" />
          <stop offset="1" stopColor="#14366f" stopOpacity="0" />
        </linearGradient>
      </defs>
      <path d="M440 300 560 120l36 44 26-22 130 158z" fill="url(#haze)" />
      <path d="m560 120 36 44 26-22 14 18-22-4-18 16-22-20-22 10z" fill="#fff" opacity=".85" />
      {[
        ['M0 260c70-44 120-40 190-12s120 20 190-8 130-30 200 0 130 26 220-6v186H0z', 0.35],
        ['M0 300c90-40 150-30 230-6s150 18 220-8 150-26 220 4 90 12 130 0v130H0z', 0.55],
        ['M0 345c80-34 170-30 260-6s150 20 240-6 180-22 300 8v80H0z', 0.92],
      ].map(([d, opacity]) => (
        <path key={String(d)} d={String(d)} fill="#fff" opacity={Number(opacity)} />
      ))}
    </svg>
  );
}

import { Tabs } from 'radix-ui';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ApiCall } from '../lib/api.ts';
import { type SampleForm, sample, sampleForms, sampleTitles } from '../lib/samples.ts';
import { Code } from './basics.tsx';

const formKey = 'unkai.sample';
const inForms: readonly SampleForm[] = ['curl', 'openstack', 'zstack', 'terraform'];

/** The same request in other tools' words. Where there is no exact form, it says so. */
export function Samples({ call, all }: { call: ApiCall; all?: boolean }) {
  const { t } = useTranslation();
  const forms = all ? sampleForms : inForms;
  const [form, setForm] = useState<SampleForm>(() => {
    const last = localStorage.getItem(formKey) as SampleForm | null;
    return last && forms.includes(last) ? last : 'curl';
  });
  const text = sample(form, call, location.origin);
  return (
    <Tabs.Root
      value={form}
      onValueChange={(value) => {
        localStorage.setItem(formKey, value);
        setForm(value as SampleForm);
      }}
    >
      <Tabs.List className="tabs" aria-label={t('sameRequest')}>
        {forms.map((one) => (
          <Tabs.Trigger key={one} value={one}>
            {sampleTitles[one]}
          </Tabs.Trigger>
        ))}
      </Tabs.List>
      <Tabs.Content value={form} style={{ paddingTop: 10 }}>
        {text ? <Code text={text} label={sampleTitles[form]} /> : <p className="soft">{t('noExactForm')}</p>}
      </Tabs.Content>
    </Tabs.Root>
  );
}

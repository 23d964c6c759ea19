import { useEffect, useEffectEvent, useRef, useState } from 'react';

/** Who types on changes the address once, when the typing pauses. */
const pauseMs = 250;

/** What stands in a search field: at once what is typed, while its owner (the page's address) is told after a pause. */
export function useTypedQuery(query: string, onQuery: (query: string) => void): [string, (typed: string) => void] {
  const [typed, setTyped] = useState(query);
  const told = useRef(query);
  const tell = useEffectEvent((text: string) => {
    told.current = text;
    onQuery(text);
  });
  useEffect(() => {
    if (query === told.current) return;
    told.current = query;
    setTyped(query);
  }, [query]);
  useEffect(() => {
    if (typed === told.current) return;
    const timer = setTimeout(() => tell(typed), pauseMs);
    return () => clearTimeout(timer);
  }, [typed]);
  return [typed, setTyped];
}

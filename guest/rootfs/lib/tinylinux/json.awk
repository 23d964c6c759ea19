# Flattens a JSON document to lines of `path<TAB>value`: {"a":[{"b":"x"}]} becomes `a.0.b<TAB>x`.
# In values a tab, a newline and a backslash are written as \t, \n and \\, so that a line is always one value.
# A document that is no JSON ends with status 1; what was read before stays printed.

{ text = text $0 "\n" }

END {
  position = 1
  value("")
  exit failed
}

function fail() {
  failed = 1
  position = length(text) + 1
}

function next_token(  head) {
  while (position <= length(text)) {
    head = substr(text, position, 1)
    if (head !~ /[ \t\r\n]/) return head
    position++
  }
  return ""
}

function value(path,  head, chunk) {
  head = next_token()
  if (head == "{") return members(path, "}")
  if (head == "[") return members(path, "]")
  if (head == "\"") return emit(path, string())
  chunk = substr(text, position, 40)
  if (!match(chunk, /^(true|false|null|-?[0-9][0-9.eE+-]*)/)) return fail()
  position += RLENGTH
  emit(path, substr(chunk, 1, RLENGTH))
}

function members(path, closing,  index_, name, head) {
  position++
  if (next_token() == closing) { position++; return }
  for (index_ = 0; position <= length(text); index_++) {
    name = index_
    if (closing == "}") {
      if (next_token() != "\"") return fail()
      name = string()
      if (next_token() != ":") return fail()
      position++
    }
    value(path == "" ? name : path "." name)
    head = next_token()
    position++
    if (head == closing) return
    if (head != ",") return fail()
  }
}

# Reads the string at `position`; what is read is already escaped for output.
function string(  out, rest, stop, escape) {
  position++
  while (position <= length(text)) {
    rest = substr(text, position)
    stop = match(rest, /["\\]/)
    if (!stop) break
    out = out substr(rest, 1, stop - 1)
    position += stop
    if (substr(rest, stop, 1) == "\"") { gsub(/\t/, "\\t", out); gsub(/\n/, "\\n", out); return out }
    escape = substr(rest, stop + 1, 1)
    position++
    if (escape == "u") {
      out = out utf8(substr(rest, stop + 2, 4))
      position += 4
    }
    else if (escape == "\\") out = out "\\\\"
    else if (escape ~ /[nt]/) out = out "\\" escape
    else if (escape ~ /["\/]/) out = out escape
  }
  fail()
  return out
}

function utf8(hex,  code, i) {
  code = 0
  for (i = 1; i <= 4; i++) code = code * 16 + index("0123456789abcdef", tolower(substr(hex, i, 1))) - 1
  if (code == 10) return "\\n"
  if (code == 9) return "\\t"
  if (code < 32) return ""
  if (code < 128) return sprintf("%c", code)
  if (code < 2048) return sprintf("%c%c", 192 + int(code / 64), 128 + code % 64)
  return sprintf("%c%c%c", 224 + int(code / 4096), 128 + int(code / 64) % 64, 128 + code % 64)
}

function emit(path, text_) { print path "\t" text_ }

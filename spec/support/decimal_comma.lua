-- A locale that writes 0.5 as "0,5", made for this: machines seldom have one.
local face = require "spec.support.face"
local needs = require "spec.support.needs"

local decimal_comma = {}

-- What Lua's own format makes of 0.5 there. LuaJIT's knows no locale.
decimal_comma.half = rawget(_G, "jit") and "0.5" or "0,5"

-- Why there can be none here, or nil.
function decimal_comma.lacks()
  return needs.file("/usr/share/i18n/locales/de_DE", "locales")
end

-- Run a program in which os.setlocale("de_DE.UTF-8", "numeric") succeeds; return as face.run does. What glibc keeps of
-- LOCPATH it never frees.
function decimal_comma.run(text, environment)
  local dir = os.tmpname()
  os.remove(dir)
  os.execute(("mkdir %s && localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8"):format(dir, dir))
  environment = environment or {}
  environment.LOCPATH = dir
  local sanitizer = os.getenv "ASAN_OPTIONS"
  environment.ASAN_OPTIONS = sanitizer and sanitizer .. ":detect_leaks=0"
  local said, status = face.run(text, environment)
  os.execute("rm -r " .. dir)
  return said, status
end

return decimal_comma

-- Raise what is wrong with the arguments of a call, at the line of the program that made the call.
-- A misuse is the programmer's mistake and raises; everything else is returned as nil, err.

local core = require "itrigger.core"
local errors = require "itrigger.errors"

local error, getmetatable, ipairs, pairs, tostring, type = error, getmetatable, ipairs, pairs, tostring, type
local getinfo = debug and debug.getinfo

local check = {}

-- Where the library's files are, as the names of their chunks begin; nil if that is not known.
local home = getinfo and getinfo(1, "S").source:match("^(@.*[/\\])")

-- Return the level of the first function that is not the library's, seen from whoever calls this.
local function outside()
  if not home then
    return 3
  end
  local level = 2
  local info = getinfo(level, "S")
  while info and (info.what == "tail" or info.source:sub(1, #home) == home) do
    level = level + 1
    info = getinfo(level, "S")
  end
  return info and level - 1 or 0
end

-- Raise a message, with the program's line before it; or a table as it is.
function check.fail(message, ...)
  if type(message) == "string" then
    message = message:format(...)
  end
  error(message, outside())
end

-- Raise that an argument of the function `name` must be something else. `given`: text in place of its type.
function check.wrong_type(name, argument, wanted, value, given)
  check.fail("bad argument '%s' to '%s' (%s expected, got %s)", argument, name, wanted, given or type(value))
end

-- Raise unless the value is of that type.
function check.type(name, argument, wanted, value)
  if type(value) ~= wanted then
    check.wrong_type(name, argument, wanted, value)
  end
end

-- Raise unless the value is a table or nil.
function check.table_or_nil(name, argument, value)
  if value ~= nil and type(value) ~= "table" then
    check.wrong_type(name, argument, "table or nil", value)
  end
end

-- Raise unless path, params or body, and opts of one call have the right types; data names the second.
function check.call(name, data, path, params, opts)
  if type(path) ~= "string" then
    check.wrong_type(name, "path", "string", path)
  end
  if params ~= nil and type(params) ~= "table" then
    check.wrong_type(name, data, "table or nil", params)
  end
  if opts ~= nil and type(opts) ~= "table" then
    check.wrong_type(name, "opts", "table or nil", opts)
  end
end

-- Raise the first option that the function `name` does not have: it is neither an option of a call nor a key of `own`.
function check.opts(name, own, opts)
  local names, is_known = {}, {}
  local function add(opt)
    names[#names + 1], is_known[opt] = opt, true
  end
  for _, opt in ipairs(core.call_opts) do
    add(opt)
  end
  for opt in pairs(own) do
    add(opt)
  end
  for opt in pairs(opts or {}) do
    if not is_known[opt] then
      local near = core.nearest(tostring(opt), names)
      check.fail("bad argument 'opts' to '%s' (unknown option \"%s\"%s)", name, errors.visible(tostring(opt), true),
        near and (': did you mean "%s"?'):format(near) or "")
    end
  end
end

-- Return whether the value is an integer in a range.
function check.is_integer(value, from, to)
  return type(value) == "number" and value >= from and value <= to and value % 1 == 0
end

-- Return whether the value can be called.
function check.is_callable(value)
  local meta = type(value) == "table" and getmetatable(value)
  return type(value) == "function" or type(meta) == "table" and meta.__call ~= nil
end

local METHODS = { GET = false, get = false, POST = true, post = true }

-- Return whether a method of HTTP is POST; nil: it is neither GET nor POST.
function check.is_post(method)
  return METHODS[method]
end

return check

-- Answers as text: JSON for people and for programs, tables, tab-separated text. Digits are never changed.

local core = require "itrigger.core"
local exit = require "itrigger.cli.exit"
local json = require "itrigger.json"
local terminal = require "itrigger.cli.terminal"
local write = require "itrigger.cli.write"

local concat, getmetatable, ipairs, pairs, tostring, type = table.concat, getmetatable, ipairs, pairs, tostring, type

local output = {}

local function check(ok, err)
  if not ok then
    exit.stop(2, "standard output cannot be written: %s", err)
  end
end

-- Write to standard output. A failed write ends the command: partial output must not pass for the whole.
function output.put(...)
  check(write.buffered(io.stdout, ...))
end

-- Have what was put written now.
function output.flush()
  check(write.flushed(io.stdout, ""))
end

-- The same, with a line end if there is none.
function output.put_line(text)
  output.put(text, text:sub(-1) == "\n" and "" or "\n")
end

local COLOURS = { key = "\27[34m", string = "\27[32m", number = "\27[36m", word = "\27[33m", off = "\27[0m" }
local NONE = { key = "", string = "", number = "", word = "", off = "" }

-- Members of an envelope in the order in which people look for them; others follow by name.
local FIRST = { code = 1, message = 2, total = 3, pageNum = 4, pageSize = 5, pageCount = 6, data = 9 }

local function scalar(value)
  return assert(json.encode(value))
end

local function is_array(value)
  return value[1] ~= nil or getmetatable(value) == core.array_metatable
end

local function keys_of(object)
  local keys = {}
  for key in pairs(object) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    local at, bt = FIRST[a] or 8, FIRST[b] or 8
    if at ~= bt then
      return at < bt
    end
    return tostring(a) < tostring(b)
  end)
  return keys
end

-- Members and items on lines of their own, or with indent = nil all in one line, as it came.
local function append(out, value, indent, colours)
  local kind = type(value)
  local function put(colour, text)
    out[#out + 1] = indent and colour .. terminal.safe(text) .. colours.off or text
  end
  if kind ~= "table" then
    put(kind == "string" and colours.string or kind == "number" and colours.number or colours.word, scalar(value))
    return
  end
  local array = is_array(value)
  local keys = array and value or keys_of(value)
  if #keys == 0 then
    out[#out + 1] = array and "[]" or "{}"
    return
  end
  local inner = indent and indent .. "  "
  out[#out + 1] = array and "[" or "{"
  for i, key in ipairs(keys) do
    out[#out + 1] = (i > 1 and "," or "") .. (inner and "\n" .. inner or "")
    if not array then
      put(colours.key, scalar(key))
      out[#out + 1] = inner and ": " or ":"
    end
    append(out, array and value[i] or value[key], inner, colours)
  end
  out[#out + 1] = (indent and "\n" .. indent or "") .. (array and "]" or "}")
end

-- JSON with line breaks.
function output.pretty(value, coloured)
  local out = {}
  append(out, value, "", coloured and COLOURS or NONE)
  return concat(out)
end

-- JSON in one line, its members in the order of `pretty`.
function output.compact(value)
  local out = {}
  append(out, value, nil, NONE)
  return concat(out)
end

-- Return whether the text is the path of a member: names with dots between, indexes in brackets.
function output.is_path(text)
  local rest = text:sub(1, 1) == "[" and text or "." .. text
  repeat
    local behind = rest:match "^%.[^.%[%]]+()" or rest:match "^%[%d+%]()"
    rest = behind and rest:sub(behind) or rest
  until not behind
  return rest == ""
end

-- A value by its path in an answer: data.realName, data[0].id. Returns found, value.
function output.pick(value, path)
  for name, index in path:gmatch "([^.%[%]]*)%[?(%d*)%]?%.?" do
    if name ~= "" then
      if type(value) ~= "table" then
        return false
      end
      value = value[name]
    end
    if index ~= "" then
      if type(value) ~= "table" then
        return false
      end
      value = value[tonumber(index) + 1]
    end
  end
  return value ~= nil, value
end

-- The text of a value in a line of a table.
local function cell(value)
  if value == nil or value == json.null then
    return ""
  end
  local text = terminal.safe(type(value) == "string" and value or scalar(value))
  return (text:gsub("[\t\n]", " "))
end

-- What a table or text shows of an answer: its rows if it is a list, else the one object.
local function rows_of(value)
  local rows = type(value) == "table" and value.data ~= nil and value.code ~= nil and value.data or value
  if type(rows) ~= "table" then
    return { { value = rows } }
  elseif is_array(rows) then
    local list = {}
    for i, row in ipairs(rows) do
      list[i] = type(row) == "table" and row or { value = row }
    end
    return list
  end
  return { rows }
end

local function columns_of(rows)
  local seen, names = {}, {}
  for _, row in ipairs(rows) do
    for _, name in ipairs(keys_of(row)) do
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  return names
end

-- Columns with a head line.
function output.table(value)
  local rows = rows_of(value)
  local names = columns_of(rows)
  local widths, lines = {}, {}
  for _, name in ipairs(names) do
    widths[name] = terminal.width(cell(name))
    for _, row in ipairs(rows) do
      widths[name] = math.max(widths[name], terminal.width(cell(row[name])))
    end
  end
  local function line(of)
    local cells = {}
    for i, name in ipairs(names) do
      local text = of(name)
      cells[i] = i < #names and text .. (" "):rep(widths[name] - terminal.width(text)) or text
    end
    lines[#lines + 1] = concat(cells, "  ")
  end
  line(cell)
  for _, row in ipairs(rows) do
    line(function(name)
      return cell(row[name])
    end)
  end
  return concat(lines, "\n")
end

-- Tab-separated values without a head line, for cut and awk.
function output.text(value)
  local rows = rows_of(value)
  local names, lines = columns_of(rows), {}
  for _, row in ipairs(rows) do
    local cells = {}
    for i, name in ipairs(names) do
      cells[i] = cell(row[name])
    end
    lines[#lines + 1] = concat(cells, "\t")
  end
  return concat(lines, "\n")
end

-- Text of a value as the user wants it: format "json", "table", "text" or nil, which is JSON, pretty on a terminal and
-- compact elsewhere. A single string that was picked stands without quotes.
function output.format(value, format, picked)
  if format == "table" then
    return output.table(value)
  elseif picked and type(value) == "string" and format ~= "json" then
    return terminal.is_tty(1) and terminal.safe(value) or value
  elseif format == "text" then
    return output.text(value)
  elseif terminal.is_tty(1) then
    return output.pretty(value, terminal.has_colour(1))
  end
  return output.compact(value)
end

return output

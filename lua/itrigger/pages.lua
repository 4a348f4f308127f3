-- client:pages: the rows of a paged list, one page after another, with some pages ahead if wanted. The
-- list's own numbers (pageNum, pageSize, pageCount, total: docs/protocol.md) say where it ends; none of
-- them is trusted for ever: an empty page is the end, and there is a bound.

local async = require "itrigger.async"
local calls = require "itrigger.calls"
local check = require "itrigger.check"
local core = require "itrigger.core"
local errors = require "itrigger.errors"

local error, next, pairs, tonumber, tostring, type = error, next, pairs, tonumber, tostring, type
local ceil, max, min = math.ceil, math.max, math.min
local core_start = core.start

local OWN_OPTS = { method = true, max_pages = true, prefetch = true, raw = true }
local MAX_PAGES = 10000
local MOST_AHEAD = 64

local pages = {}
local methods = {}
local metatable = { __index = methods, __name = "itrigger.pages" }

-- ---- what is asked for ----

local function wrong(name, argument, wanted, value)
  check.wrong_type(name, argument, wanted, value, type(value) == "number" and tostring(value) or nil)
end

-- Raise what is wrong with the arguments of the function `name`.
function pages.check(name, path, params, opts)
  check.type(name, "path", "string", path)
  check.table_or_nil(name, "params", params)
  check.table_or_nil(name, "opts", opts)
  opts = opts or {}
  if opts.method ~= nil and check.is_post(opts.method) == nil then
    wrong(name, "opts.method", '"GET" or "POST"', opts.method)
  elseif opts.max_pages ~= nil and not check.is_integer(opts.max_pages, 1, 1e9) then
    wrong(name, "opts.max_pages", "integer above 0", opts.max_pages)
  elseif opts.prefetch ~= nil and not check.is_integer(opts.prefetch, 0, MOST_AHEAD) then
    wrong(name, "opts.prefetch", "integer from 0 to " .. MOST_AHEAD, opts.prefetch)
  end
  local first = params and params.pageNum
  if first ~= nil and not check.is_integer(first, 1, 2 ^ 53) then
    wrong(name, "params.pageNum", "integer above 0", first)
  end
end

local function copy(from, without)
  local to = {}
  for name, value in pairs(from or {}) do
    if not (without and without[name]) then
      to[name] = value
    end
  end
  return to
end

-- ---- requests ----

-- Pages that are out or wait for their turn have the slots 1 … prefetch + 1 in turn.
local function slot_of(self, page)
  return page % (self.prefetch + 1) + 1
end

local function ask(self, page)
  self.params.pageNum = page -- read at once by the start
  local ok, err = core_start(self.party.group, slot_of(self, page), self.is_post, self.path, self.params, self.opts)
  if not ok then
    error(err, 0)
  end
  self.asked = page
end

-- Asks for the page wanted, and for those ahead of it that are known to be there.
local function ask_ahead(self, page)
  local last = max(page, min(page + self.prefetch, self.last_known))
  while self.asked < last do
    ask(self, self.asked + 1)
  end
end

-- ---- answers ----

local function bad_list(self, kind, message, ...)
  error(errors.new {
    kind = kind,
    retryable = false,
    message = message:format(...),
    method = self.is_post and "POST" or "GET",
    path = self.path,
  }, 0)
end

-- Some revisions of the gateway write numbers as text; so may the caller's pageSize be.
local function number(value)
  return (type(value) == "number" or type(value) == "string") and tonumber(value) or nil
end

-- Rows on a full page; nil: nobody says.
local function page_size(self, answer)
  local size = number(answer.pageSize) or number(self.params.pageSize)
  return size and size > 0 and size or nil
end

-- The last page, by what this answer says of it; nil: it does not say. Of a total without a size the
-- first page tells how many rows a page has.
local function last_page(self, answer)
  local count, total = number(answer.pageCount), number(answer.total)
  if count then
    return count
  elseif total then
    self.first_size = self.first_size or max(#answer.data, 1)
    return ceil(total / (page_size(self, answer) or self.first_size))
  end
end

-- Is this page the last, by its own size? For lists that say nothing else.
local function is_short(self, answer)
  local size = page_size(self, answer)
  return size == nil or #answer.data < size
end

local function note_end(self, page, answer)
  local last = last_page(self, answer)
  self.last_known = last or page
  if last then
    self.ended = page >= last
  else
    self.ended = is_short(self, answer)
  end
end

local function check_answer(self, page, answer)
  local data, num = answer.data, number(answer.pageNum)
  if type(data) ~= "table" then
    bad_list(self, "decode", "data of page %d is no list but a %s", page, type(data))
  elseif data[1] == nil and next(data) ~= nil then
    bad_list(self, "decode", "data of page %d is no list but an object", page)
  elseif num and num ~= page then
    bad_list(self, "decode", "the gateway answered page %s where page %d was asked for: the list would not end",
      tostring(answer.pageNum), page)
  end
end

-- Waits until the answer for this page is there; raises its error.
local function await(self, page)
  local wanted = slot_of(self, page)
  while self.arrived[wanted] == nil do
    local slot, answer, err = async.take(self.party)
    if slot == false then
      error(err, 0) -- the client was closed
    elseif slot == nil then
      return nil
    end
    self.arrived[slot] = err and { err = err } or { answer = answer }
  end
  local arrived = self.arrived[wanted]
  self.arrived[wanted] = nil
  if arrived.err then
    error(arrived.err, 0)
  end
  return arrived.answer
end

-- ---- the object ----

-- Cancel what is in flight. May be called again.
function methods:close()
  calls.close(self)
  self.rows = nil
end

-- True: there is another page with rows.
local function turn(self)
  if self.ended then
    return false
  elseif self.n_pages == self.max_pages then
    bad_list(self, "usage", "the list has more than %d pages; opts.max_pages allows more", self.max_pages)
  end
  local page = self.page_num + 1
  ask_ahead(self, page)
  local answer = await(self, page)
  if answer == nil then
    return false
  end
  if answer.data == nil or answer.data == core.null then
    answer.data = {}
  end
  check_answer(self, page, answer)
  note_end(self, page, answer)
  self.page_num, self.n_pages, self.answer, self.rows, self.row = page, self.n_pages + 1, answer, answer.data, 0
  return answer.data[1] ~= nil
end

-- The next row and the answer that it came in; nil at the end. Raises the error of a call.
function methods:next()
  while not self.over do
    if self.party == nil then
      calls.begin(self)
    end
    self.row = self.row + 1
    local row = self.rows and self.rows[self.row]
    if row ~= nil then
      return row, self.answer
    end
    self.turning = not self.turning
    if not self.turning or not turn(self) then -- turning twice: it raised, and the program went on
      self:close()
    else
      self.turning = false
    end
  end
  return nil
end

metatable.__call = methods.next
metatable.__close = methods.close

-- client:pages, its arguments checked. Returns what a generic for wants.
function pages.new(client, path, params, opts)
  opts = opts or {}
  local first = params and params.pageNum or 1
  local self = setmetatable({
    client = client,
    path = path,
    params = copy(params), -- ours
    is_post = check.is_post(opts.method or "GET"),
    max_pages = opts.max_pages or MAX_PAGES,
    prefetch = opts.prefetch or 0,
    opts = copy(opts, OWN_OPTS),
    page_num = first - 1, -- the one whose rows are handed out
    asked = first - 1,
    last_known = 0,
    n_pages = 0,
    row = 0,
    arrived = {}, -- slot → { answer = } or { err = }
    ended = false, -- no more pages
    over = false, -- no more rows
  }, metatable)
  return self, nil, nil, self
end

return pages

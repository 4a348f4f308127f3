-- client:pages: the rows of a paged list, one page after another, with some pages ahead if wanted. The list's own numbers
-- (pageNum, pageSize, pageCount, total: docs/protocol.md) say where it ends, as far as they agree with the rows that came;
-- otherwise an empty page is the end. There is a bound, and a page that comes twice is noticed.

local async = require "itrigger.async"
local check = require "itrigger.check"
local core = require "itrigger.core"
local errors = require "itrigger.errors"
local later = require "itrigger.later"

local calls = later.calls
local error, next, pairs, tonumber, tostring, type = error, next, pairs, tonumber, tostring, type
local ceil, max, min = math.ceil, math.max, math.min
local core_start = core.start

local own_opts = { method = true, max_pages = true, on_error = true, prefetch = true, raw = true }
local MOST_AHEAD = 64

local NO_ROWS = {}

local pages = {
  own_opts = own_opts, -- what is not an option of its calls
  MAX_PAGES = 10000, -- and the size of a page: where the caller does not say
  PAGE_SIZE = 100,
}
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
  check.opts(name, own_opts, opts)
  opts = opts or {}
  if opts.method ~= nil and check.is_post(opts.method) == nil then
    wrong(name, "opts.method", '"GET" or "POST"', opts.method)
  elseif opts.max_pages ~= nil and not check.is_integer(opts.max_pages, 1, 1e9) then
    wrong(name, "opts.max_pages", "integer above 0", opts.max_pages)
  elseif opts.prefetch ~= nil and not check.is_integer(opts.prefetch, 0, MOST_AHEAD) then
    wrong(name, "opts.prefetch", "integer from 0 to " .. MOST_AHEAD, opts.prefetch)
  elseif opts.on_error ~= nil and not check.is_callable(opts.on_error) then
    wrong(name, "opts.on_error", "function", opts.on_error)
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

-- Pages in flight, or waiting for their turn, have the slots 1 … prefetch + 1 in turn.
local function slot_of(self, page)
  return page % (self.prefetch + 1) + 1
end

local function ask(self, page)
  self.params.pageNum = page -- read at once by the start
  local ok, err = core_start(self.party.group, slot_of(self, page), self.is_post, self.path, self.params, self.opts,
    self.endpoint)
  if not ok then
    error(err, 0)
  end
  self.asked = page
end

-- Ask for the page wanted, and for those ahead of it that are known to exist.
local function ask_ahead(self, page)
  local last = max(page, min(page + self.prefetch, self.last_known))
  while self.asked < last do
    ask(self, self.asked + 1)
  end
end

-- ---- answers ----

local function list_error(self, kind, message, ...)
  return errors.new {
    kind = kind,
    retryable = false,
    message = message:format(...),
    method = self.is_post and "POST" or "GET",
    path = self.path,
  }
end

-- Some revisions of the gateway write numbers as text; so may the caller's pageSize be.
local function number(value)
  return (type(value) == "number" or type(value) == "string") and tonumber(value) or nil
end

-- How many rows precede the first page that was asked for; nil: nobody knows.
local function rows_before(page, n, size)
  if page == 1 then
    return 0
  end
  return size == n and (page - 1) * size or nil
end

-- Note what the answer says of the list's end. pageCount may be reckoned with a pageSize that the gateway does not keep
-- to, and total with rows that it does not show, so the end is where both are reached, as far as they are given. Numbers
-- that cannot be (fewer than the rows of this page) count as not given.
local function note_end(self, page, answer)
  local n = #answer.data
  local count, total = number(answer.pageCount), number(answer.total)
  count = count and (count >= 1 or n == 0) and count or nil
  total = total and total >= n and total or nil
  if self.n_pages == 0 then
    self.seen = rows_before(page, n, number(answer.pageSize))
  end
  self.seen = self.seen and self.seen + n
  self.most_rows = max(self.most_rows, n)
  local is_total_reached = total == nil or self.seen ~= nil and self.seen >= total or self.seen == nil and count ~= nil
  local is_last = (count == nil or page >= count) and is_total_reached
  self.says_end = (count or total) ~= nil
  if n == 0 then -- the list may have shrunk, or not show all rows of a page: the next empty page is the end
    self.ended = count == nil or page >= count or self.was_empty
  else
    self.ended = self.says_end and is_last
  end
  self.was_empty = n == 0
  self.last_page = count
  self.last_known = count or total and ceil(total / max(self.most_rows, 1)) or page
end

-- Is this page the one before once more? Only asked where the gateway does not say which page it is. Nothing is lost where
-- a list without an end has its rows on one page, which it gives whatever page is asked for. Raises otherwise.
local function is_repeated(self, page, answer)
  if number(answer.pageNum) or answer.data[1] == nil then
    return false
  end
  local before, text = self.text, core.json_encode(answer.data)
  self.text = text
  if text == nil or text ~= before then
    return false
  end
  local size = number(self.params.pageSize)
  if self.says_end or size == nil or #answer.data >= size then
    error(list_error(self, "decode", "page %d has the rows of page %d again: the gateway does not turn the page, so the "
      .. "list would not end", page, page - 1), 0)
  end
  return true
end

-- Returns err for a page that is not a list. Raises where the gateway answers another page: the list would not end.
local function check_answer(self, page, answer)
  local data, num = answer.data, number(answer.pageNum)
  if type(data) ~= "table" then
    return list_error(self, "decode", "page %d: data is a %s, not a list", page, type(data))
  elseif data[1] == nil and next(data) ~= nil then
    return list_error(self, "decode", "page %d: data is an object, not a list", page)
  elseif num and num ~= page then
    error(list_error(self, "decode", "the gateway answered page %s where page %d was asked for: the list would not end",
      tostring(answer.pageNum), page), 0)
  end
end

-- Wait until the answer for this page is there. Returns answer | nil, err; nil where the list was closed.
local function await(self, page)
  local wanted = slot_of(self, page)
  while self.arrived[wanted] == nil do
    local slot, answer, err = async.take(self.party)
    if slot == nil or self.closed then -- by another coroutine, perhaps
      return nil
    elseif slot == false then
      error(err, 0) -- the client was closed
    end
    self.arrived[slot] = err and { err = err } or { answer = answer }
  end
  local arrived = self.arrived[wanted]
  self.arrived[wanted] = nil
  return arrived.answer, arrived.err
end

-- ---- the object ----

-- Cancel what is in flight. May be called again.
function methods:close()
  calls.close(self)
  self.rows = nil
end

-- The page cannot be read: go on with the next one if the program says so.
local function skip(self, page, err)
  if not (self.on_error and self.on_error(err, page)) then
    error(err, 0)
  end
  self.page_num, self.n_pages, self.rows, self.row = page, self.n_pages + 1, NO_ROWS, 0
  self.seen = nil -- nobody knows how many rows it had
  self.ended = self.last_page ~= nil and page >= self.last_page
  return true
end

-- True: there is another page.
local function turn(self)
  if self.ended then
    return false
  elseif self.n_pages == self.max_pages then
    error(list_error(self, "usage", "the list has more than %d pages; opts.max_pages allows more", self.max_pages), 0)
  end
  local page = self.page_num + 1
  ask_ahead(self, page)
  local answer, err = await(self, page)
  if answer == nil and err == nil then
    return false
  end
  if answer and (answer.data == nil or answer.data == core.null) then
    answer.data = {}
  end
  err = err or check_answer(self, page, answer)
  if err then
    return skip(self, page, err)
  elseif is_repeated(self, page, answer) then
    return false
  end
  note_end(self, page, answer)
  self.page_num, self.n_pages, self.answer, self.rows, self.row = page, self.n_pages + 1, answer, answer.data, 0
  return true
end

-- Return the next row and the answer that it came in; nil at the end. Raises the error of a call.
function methods:next()
  while not self.closed do
    if self.party == nil then
      calls.begin(self)
    end
    self.row = self.row + 1
    local row = self.rows and self.rows[self.row]
    if row ~= nil then
      return row, self.answer
    end
    if self.turning then
      async.check_alone(self.party)
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
function pages.new(client, path, params, opts, endpoint)
  opts = opts or {}
  local first = params and params.pageNum or 1
  params = copy(params) -- ours
  params.pageSize = params.pageSize or pages.PAGE_SIZE
  local self = setmetatable({
    client = client,
    path = path,
    endpoint = endpoint,
    params = params,
    is_post = check.is_post(opts.method or "GET"),
    max_pages = opts.max_pages or pages.MAX_PAGES,
    prefetch = opts.prefetch or 0,
    on_error = opts.on_error,
    opts = copy(opts, own_opts),
    page_num = first - 1, -- the one whose rows are handed out
    asked = first - 1,
    last_known = 0,
    n_pages = 0,
    most_rows = 0, -- on a page
    row = 0,
    arrived = {}, -- slot → { answer = } or { err = }
    ended = false, -- no more pages
    closed = false, -- no more rows
  }, metatable)
  return self, nil, nil, self
end

return pages

-- Rows of a paged list were lost without a word, or came again for ever, where the gateway's numbers did not fit: it gives
-- fewer rows a page than it is asked for, short pages in the middle, or the same page each time.

local cjson = require "cjson"
local errors = require "itrigger.errors"
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"

local list = "/itrigger-bff/list"

describe("the rows of a list", function()
  local client
  local sb = fixture.client(function(c)
    client = c
  end)

  -- What the list answers, one after another: text, or the fields of an envelope.
  local function answers(all)
    for i = #all, 1, -1 do
      local answer = all[i]
      if type(answer) == "table" then
        answer.code = 200
        answer = cjson.encode(answer)
      end
      sb:answer { path = list, body = answer, times = 1 }
    end
  end

  local function numbers(from, to)
    local rows = {}
    for i = from, to do
      rows[#rows + 1] = i
    end
    return rows
  end

  local function walk(params, opts)
    local rows = {}
    for row in client:pages(list, params, opts) do
      rows[#rows + 1] = row
    end
    return rows
  end

  local function raises(...)
    local ok, err = pcall(walk, ...)
    assert.is_false(ok)
    assert.is_true(errors.is(err), tostring(err))
    return err
  end

  for _, more in ipairs { {}, { pageSize = 20 }, { pageSize = 100 }, { pageSize = 100, pageCount = 1 } } do
    it("all come where 100 a page were asked for and 20 are given: pageSize " .. tostring(more.pageSize) .. ", pageCount "
      .. tostring(more.pageCount), function()
      answers {
        { data = numbers(1, 20), total = 45, pageSize = more.pageSize, pageCount = more.pageCount },
        { data = numbers(21, 40), total = 45, pageSize = more.pageSize, pageCount = more.pageCount },
        { data = numbers(41, 45), total = 45, pageSize = more.pageSize, pageCount = more.pageCount },
      }
      assert.same(numbers(1, 45), walk { pageSize = 100 })
      assert.equal(3, sb:state().calls[list])
    end)
  end

  it("all come where pages in the middle are short and nothing tells the end", function()
    answers { { data = numbers(1, 18) }, { data = numbers(19, 38) }, { data = numbers(39, 39) }, { data = numbers(40, 59) }, {} }
    assert.same(numbers(1, 59), walk { pageSize = 20 })
  end)

  it("all come where a page in the middle has none to show", function()
    answers {
      { data = numbers(1, 2), pageCount = 3, pageNum = 1 },
      { pageCount = 3, pageNum = 2 },
      { data = numbers(3, 4), pageCount = 3, pageNum = 3 },
    }
    assert.same(numbers(1, 4), walk { pageSize = 2 })
  end)

  it("all come after a page in the middle of a list was asked for first", function()
    answers {
      { data = numbers(21, 40), total = 45, pageSize = 100 },
      { data = numbers(41, 45), total = 45, pageSize = 100 },
      { total = 45 },
    }
    assert.same(numbers(21, 45), walk { pageNum = 2, pageSize = 100 })
  end)

  it("all come where the numbers cannot be", function()
    answers { { data = numbers(1, 2), total = 0, pageCount = 0 }, { data = numbers(3, 3), total = 0, pageCount = 0 }, {} }
    assert.same(numbers(1, 3), walk { pageSize = 2 })
  end)

  it("are refused where a full page comes again, or more are promised", function()
    sb:answer { path = list, body = cjson.encode { code = 200, data = numbers(1, 2) } }
    local err = raises { pageSize = 2 }
    assert.equal("decode", err.kind)
    assert.truthy(err.message:find("page 2 has the rows of page 1 again", 1, true), err.message)
    sb:answer { path = list, body = cjson.encode { code = 200, data = numbers(1, 2), total = 9 } }
    assert.equal("decode", raises({ pageSize = 100 }).kind)
    assert.equal(4, sb:state().calls[list])
  end)

  it("come once where a list without pages gives all of them each time", function()
    sb:answer { path = list, body = cjson.encode { code = 200, data = numbers(1, 3) } }
    assert.same(numbers(1, 3), walk())
    assert.equal(2, sb:state().calls[list])
  end)

  -- ---- a page that cannot be read ----

  local bad = '{"code":200,"data":["\\ud800"],"pageNum":2,"pageCount":3}'

  local function around_bad()
    answers {
      { data = numbers(1, 2), pageNum = 1, pageCount = 3, total = 6 },
      bad,
      { data = numbers(5, 6), pageNum = 3, pageCount = 3, total = 6 },
    }
  end

  it("go on after a page that cannot be read, if the program says so", function()
    for prefetch = 0, 2 do
      around_bad()
      local seen
      local single = face.client(sb, { max_host_connections = 1 }) -- else page 3 may be asked for before page 2
      local rows = {}
      for row in single:pages(list, {}, { prefetch = prefetch, on_error = function(err, page)
        seen = page
        return err.kind == "decode"
      end }) do
        rows[#rows + 1] = row
      end
      single:close()
      assert.same({ 1, 2, 5, 6 }, rows)
      assert.equal(2, seen)
    end
    assert.equal(9, sb:state().calls[list])
  end)

  it("end with its error otherwise", function()
    around_bad()
    assert.equal("decode", raises({}, { on_error = function() end }).kind)
    sb:reset()
    around_bad()
    assert.equal("decode", raises({}).kind)
  end)

  it("go on to an empty page after a first page that cannot be read", function()
    answers { bad, { data = numbers(3, 4), total = 4 }, {} }
    assert.same({ 3, 4 }, walk({}, { on_error = function() return true end }))
  end)
end)

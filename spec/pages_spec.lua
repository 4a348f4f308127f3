local cjson = require "cjson"
local errors = require "itrigger.errors"
local face = require "spec.support.face"
local fixture = require "spec.support.fixture"
local itrigger = require "itrigger"

local points = face.api .. "/member/point/list" -- 57 rows
local coupons = face.api .. "/coupons/list" -- a POST; 23 rows
local list = "/itrigger-bff/list"

describe("pages", function()
  local client
  local sb = fixture.client(function(c)
    client = c
  end)

  local function params(more)
    local all = { pageSize = 10 }
    for name, value in pairs(face.member) do
      all[name] = value
    end
    for name, value in pairs(more or {}) do
      all[name] = value
    end
    return all
  end

  -- The rows of a list, and of how many answers they are.
  local function walk(...)
    local rows, answers, n = {}, {}, 0
    for row, page in client:pages(...) do
      rows[#rows + 1] = row
      if not answers[page] then
        answers[page], n = true, n + 1
      end
    end
    return rows, n
  end

  -- What the list answers, one after another; fields of an envelope. Of laid-down answers the latest
  -- counts.
  local function answers(...)
    local all = { ... }
    for i = #all, 1, -1 do
      all[i].code = 200
      sb:answer { path = list, body = cjson.encode(all[i]), times = 1 }
    end
  end

  local function raises(...)
    local arguments = { n = select("#", ...), ... }
    local ok, err = pcall(function()
      for _ in client:pages((table.unpack or unpack)(arguments, 1, arguments.n)) do
      end
    end)
    assert.is_false(ok)
    return err
  end

  it("walks a GET list to its end", function()
    local rows, n = walk(points, params())
    assert.equal(57, #rows)
    assert.equal(6, n)
    assert.equal(6, sb:state().calls[points])
  end)

  it("walks a POST list", function()
    local rows, n = walk(coupons, { phone = "18899888899", pageSize = 10 }, { method = "POST" })
    assert.equal(23, #rows)
    assert.equal(3, n)
  end)

  for _, prefetch in ipairs { 1, 3, 64 } do
    it("gives the same rows in the same order, asked for ahead by " .. prefetch, function()
      local plain = walk(points, params())
      local ahead = walk(points, params(), { prefetch = prefetch })
      assert.same(plain, ahead)
      assert.equal(12, sb:state().calls[points]) -- none beyond the end
    end)
  end

  it("asks ahead while the program works", function()
    local seen = 0
    for _, page in client:pages(points, params(), { prefetch = 2 }) do
      if page.pageNum == 2 then
        seen = sb:state().calls[points]
        break
      end
    end
    assert.is_true(seen >= 2 and seen <= 4)
  end)

  it("begins at a page of the caller's, and leaves his table alone", function()
    local given = params { pageNum = 5 }
    local rows = walk(points, given)
    assert.equal(17, #rows)
    assert.equal(5, given.pageNum)
  end)

  it("ends at once with an empty list, and with one that is not there", function()
    answers({ data = cjson.empty_array or {}, total = 0, pageNum = 1, pageSize = 10, pageCount = 0 })
    assert.same({}, (walk(list)))
    answers({ data = cjson.null, total = 0 })
    assert.same({}, (walk(list)))
    answers({ data = cjson.null, total = 0 })
    assert.same({}, (walk(list, {}, { null = "keep" })))
    answers({})
    assert.same({}, (walk(list)))
    assert.equal(4, sb:state().calls[list])
  end)

  it("ends where a list that shrinks ends", function()
    answers(
      { data = { 1, 2 }, pageNum = 1, pageSize = 2, pageCount = 3, total = 6 },
      { data = { 3 }, pageNum = 2, pageSize = 2, pageCount = 2, total = 3 }
    )
    assert.same({ 1, 2, 3 }, (walk(list)))
    answers(
      { data = { 1, 2 }, pageNum = 1, pageSize = 2, pageCount = 9, total = 18 },
      { pageNum = 2, pageSize = 2, pageCount = 9, total = 18 },
      { pageNum = 3, pageSize = 2, pageCount = 9, total = 18 }
    )
    assert.same({ 1, 2 }, (walk(list)))
  end)

  it("follows a list that grows", function()
    answers(
      { data = { 1, 2 }, pageNum = 1, pageSize = 2, pageCount = 1, total = 2 }
    )
    assert.same({ 1, 2 }, (walk(list)))
    answers(
      { data = { 1, 2 }, pageNum = 1, pageSize = 2, pageCount = 2, total = 4 },
      { data = { 3, 4 }, pageNum = 2, pageSize = 2, pageCount = 3, total = 5 },
      { data = { 5 }, pageNum = 3, pageSize = 2, pageCount = 3, total = 5 }
    )
    assert.same({ 1, 2, 3, 4, 5 }, (walk(list)))
  end)

  it("reads the end from total, or from a page without rows", function()
    answers(
      { data = { 1, 2 }, total = 3, pageSize = 2 },
      { data = { 3 }, total = 3, pageSize = 2 }
    )
    assert.same({ 1, 2, 3 }, (walk(list)))
    answers({ data = { 1, 2 } }, { data = { 3 } }, {})
    assert.same({ 1, 2, 3 }, (walk(list, { pageSize = 2 })))
    answers({ data = { 1, 2 } }, {})
    assert.same({ 1, 2 }, (walk(list)))
    assert.equal(7, sb:state().calls[list])
  end)

  it("takes numbers as text", function()
    answers({ data = { 1, 2 }, pageNum = "1", pageCount = "2" }, { data = { 3, 4 }, pageNum = "2", pageCount = "2" })
    assert.same({ 1, 2, 3, 4 }, (walk(list)))
    answers({ data = { 1, 2 }, total = "3" }, { data = { 3 }, total = "3" })
    assert.same({ 1, 2, 3 }, (walk(list, { pageSize = "2" })))
    assert.equal(4, sb:state().calls[list])
  end)

  it("asks for 100 rows a page by default", function()
    answers({ data = { 1 }, total = 1 })
    assert.same({ 1 }, (walk(list)))
    answers({ data = { 1 }, total = 1 })
    assert.same({ 1 }, (walk(list, { pageSize = 7 })))
    local requests = sb:requests()
    assert.truthy(requests[#requests - 1].query:find("pageSize=100", 1, true))
    assert.truthy(requests[#requests].query:find("pageSize=7", 1, true))
  end)

  it("raises where the list would never end", function()
    sb:answer { path = list, body = cjson.encode { code = 200, data = { 1 }, pageNum = 1, pageCount = 9, pageSize = 1 } }
    local err = raises(list)
    assert.is_true(errors.is(err))
    assert.equal("decode", err.kind)
    assert.truthy(err.message:find("page 2", 1, true))
    local many = {}
    for i = 1, 8 do
      many[i] = { data = { i }, pageCount = 1000000000, pageSize = 1 }
    end
    answers((table.unpack or unpack)(many))
    err = raises(list, {}, { max_pages = 7 })
    assert.equal("usage", err.kind)
    assert.truthy(err.message:find("max_pages", 1, true))
    assert.equal(2 + 7, sb:state().calls[list])
  end)

  it("raises the error of a call", function()
    sb:fault { kind = "status", status = 503, path = list }
    local err = raises(list)
    assert.is_true(errors.is(err))
    assert.equal(503, err.http_status)
    assert.equal(list, err.path)
    err = raises("no/slash")
    assert.equal("usage", err.kind)
    for _, data in ipairs { '"no list"', '{"list":[1]}' } do
      sb:answer { path = list, body = '{"code":200,"data":' .. data .. "}" }
      assert.equal("decode", raises(list).kind)
    end
  end)

  it("raises the error of a page asked for ahead when it is that page's turn", function()
    local single = face.client(sb, { max_host_connections = 1 }) -- else page 3 may arrive before page 2
    sb:fault { kind = "status", status = 503, path = points, skip = 2, times = 1 }
    local rows = {}
    local ok, err = pcall(function()
      for row in single:pages(points, params(), { prefetch = 1 }) do
        rows[#rows + 1] = row
      end
    end)
    assert.is_false(ok)
    assert.equal(503, err.http_status)
    assert.equal(20, #rows)
    single:close()
  end)

  it("raises at the caller for arguments of the wrong type", function()
    for _, case in ipairs {
      { "'path'", nil },
      { "'params'", list, "x" },
      { "'opts'", list, {}, 1 },
      { "'opts.method'", list, {}, { method = "PUT" } },
      { "'opts.max_pages'", list, {}, { max_pages = 0 } },
      { "'opts.prefetch'", list, {}, { prefetch = 65 } },
      { "'opts.on_error'", list, {}, { on_error = true } },
      { 'unknown option "timout": did you mean "timeout"?', list, {}, { timout = 1 } },
      { 'unknown option "prefech": did you mean "prefetch"?', list, {}, { prefech = 1 } },
      { "'params.pageNum'", list, { pageNum = 0 } },
    } do
      local ok, message = pcall(function()
        client:pages(case[2], case[3], case[4])
      end)
      assert.is_false(ok)
      assert.truthy(message:find(case[1], 1, true), message)
      assert.truthy(message:find("pages_spec.lua:", 1, true), message)
    end
  end)

  it("has nothing out after a break with pages ahead, and the client goes on", function()
    local rows = client:pages(points, params(), { prefetch = 4 })
    assert(rows())
    rows:close()
    assert.is_nil(rows())
    assert.equal(200, client:get(points, params { pageNum = 1 }).code)
  end)

  it("is there on the default client, too", function()
    assert(itrigger.configure(face.options(sb)))
    local n = 0
    for _ in itrigger.pages(points, params()) do
      n = n + 1
    end
    assert.equal(57, n)
  end)
end)

-- One page of a list, with what stands beside it in the envelope.
local json = require "json"

local paging = {}

function paging.page(rows, page_num, page_size)
  local num, size = tonumber(page_num), tonumber(page_size)
  local page = json.array {}
  for i = (num - 1) * size + 1, math.min(num * size, #rows) do
    page[#page + 1] = rows[i]
  end
  return page, {
    total = #rows,
    pageNum = num,
    pageSize = size,
    pageCount = math.ceil(#rows / size),
  }
end

return paging

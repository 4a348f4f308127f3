-- Reads lines until each of the texts was found in one, in whatever order:
--
--   local last = await_lines(pipe:lines(), { "READY=1", "token app=one" })
--
-- `next_line` returns a line, or nil after the last one. Returns the line that had the last of the texts; where the
-- lines end before that: nil, and a text that was not found. `texts` is used up.
return function(next_line, texts)
  for line in next_line do
    for i, text in ipairs(texts) do
      if line:find(text, 1, true) then
        table.remove(texts, i)
        break
      end
    end
    if #texts == 0 then
      return line
    end
  end
  return nil, texts[1]
end

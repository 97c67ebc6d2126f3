/** By a button's name, a hint about the outcome, shown before the click. */
export const hints: Readonly<Record<string, string>> = {
  'Go offline': 'Cuts this page off. It keeps your changes, and sends them later.',
  'Go online': 'Sends the changes that wait in this page.',
  Cut: 'Closes the connection. The page connects again, and misses nothing.',
  Empty: 'The server forgets all values. Your cookie brings yours back.',
  Restart: 'Ends the server process. The next process has only the values of your cookie.',
  Kill: 'Ends this node. The page continues at another node, with the values of Redis.',
  'End here':
    'Kills the server once it has your next change, before your cookie has it. The page sends the change again.',
  'Drop next': 'Loses the POST of your next change on the way. The page sends it again.',
}

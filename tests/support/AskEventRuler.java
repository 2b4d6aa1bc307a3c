import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import software.amazon.event.ruler.Machine;

/** Reads {"pattern": "...", "events": ["...", ...]}, one a line; writes a digit for each event, or the refusal. */
public class AskEventRuler {
    public static void main(String[] arguments) throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line; (line = in.readLine()) != null; ) {
            JsonNode asked = mapper.readTree(line);
            out.println(answer(asked.get("pattern").asText(), asked.get("events")));
        }
        out.flush();
    }

    private static String answer(String pattern, JsonNode events) throws Exception {
        Machine machine = new Machine();
        try {
            machine.addRule("rule", pattern);
        } catch (IOException | IllegalArgumentException refusal) {
            return refusal.getMessage().lines().findFirst().orElse("refused");
        }
        StringBuilder digits = new StringBuilder();
        for (JsonNode event : events) {
            digits.append(machine.rulesForJSONEvent(event.asText()).isEmpty() ? '0' : '1');
        }
        return digits.toString();
    }
}
